// Tables of several columns become cards on a narrow screen: each cell knows the name of its column,
// but the first, where it is the row's title.
for (const table of document.querySelectorAll("table.docutils")) {
  const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
  if (names.length < 3 || !names[0]) continue;
  table.classList.add("cards");
  const titled = [...table.querySelectorAll("tbody tr td:first-child")].every((cell) => cell.textContent.trim());
  for (const row of table.querySelectorAll("tbody tr")) {
    [...row.cells].forEach((cell, column) => {
      if (column || !titled) cell.dataset.label = names[column];
      cell.classList.toggle("nothing", !cell.textContent.trim());
    });
  }
}
