SET ROLE shop;
CREATE TABLE goods (id integer PRIMARY KEY, stock integer NOT NULL);
CREATE TABLE orders (id bigserial PRIMARY KEY, good integer NOT NULL REFERENCES goods);
INSERT INTO goods SELECT id, 1000000 FROM generate_series(1, 100) AS id;
