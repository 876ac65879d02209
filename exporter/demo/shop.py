"""A small shop: its tables, and requests that each hold a session for as long as a payment takes."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from exporter.database.sessions import init_db

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

GOODS = 100
PAYMENT = (0.05, 0.1)  # seconds that the payment service takes, while the transaction waits for it


class Base(DeclarativeBase):
    """The declarative base of the shop's tables."""


class Good(Base):
    """Something to sell."""

    __tablename__ = "goods"

    id: Mapped[int] = mapped_column(primary_key=True)
    stock: Mapped[int]


class Order(Base):
    """Something sold."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    good_id: Mapped[int] = mapped_column(ForeignKey("goods.id"))
    amount: Mapped[int]


class Shop:
    """The requests that customers make, and the mistakes that a developer could have made."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Use this engine's pool."""
        self._engine = engine
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._forgotten: list[AsyncSession] = []
        self._reply = asyncio.Event()  # never set

    async def open(self) -> None:
        """Create the tables and fill the shelves, where that is not done yet."""
        await init_db(self._engine)  # the table of the exporter's write probe: a migration's job
        async with self._engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with self._sessions.begin() as session:
            if await session.get(Good, 1) is None:
                session.add_all(Good(id=number, stock=10**6) for number in range(1, GOODS + 1))

    async def place_order(self) -> None:
        """Sell something: pay while the transaction is open, as so many do."""
        number = random.randint(1, GOODS)  # noqa: S311 - any good will do
        async with self._sessions.begin() as session:
            await session.execute(update(Good).where(Good.id == number).values(stock=Good.stock - 1))
            session.add(Order(good_id=number, amount=1))
            await session.flush()
            await asyncio.sleep(random.uniform(*PAYMENT))  # noqa: S311

    async def look_around(self) -> None:
        """Show what sells best."""
        sold = select(Order.good_id, func.count()).group_by(Order.good_id).order_by(func.count().desc()).limit(5)
        async with self._sessions() as session:
            await session.execute(sold)
            await asyncio.sleep(random.uniform(*PAYMENT))  # noqa: S311 - a page is made

    async def export_orders(self) -> None:
        """Leak: take a session, read, and forget to close it."""
        session = self._sessions()
        await session.execute(select(Order).limit(1))
        self._forgotten.append(session)

    async def reserve_goods(self) -> None:
        """Wedge: hold a transaction open while waiting for a reply that never comes."""
        async with self._sessions.begin() as session:
            await session.execute(select(Good.stock).limit(1))
            await self._reply.wait()

    async def print_invoice(self) -> None:
        """Block: call something in a transaction that does not yield to the event loop, as a driver for printers."""
        async with self._sessions.begin() as session:
            await session.execute(select(Order).limit(1))
            wait_for_the_printer()


def wait_for_the_printer() -> None:
    """Wait without end, in the event loop's own thread."""
    while True:
        time.sleep(60)
