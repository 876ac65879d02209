// Tables become cards on a narrow screen: each cell knows the name of its column,
// but the first, where it is the row's title.
for (const table of document.querySelectorAll("table.docutils")) {
  const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
  if (names.length < 2 || !names[0]) continue;
  table.classList.add("cards");
  const titled = [...table.querySelectorAll("tbody tr td:first-child")].every((cell) => cell.textContent.trim());
  for (const row of table.querySelectorAll("tbody tr")) {
    [...row.cells].forEach((cell, column) => {
      if (column || !titled) cell.dataset.label = names[column];
      cell.classList.toggle("nothing", !cell.textContent.trim());
    });
  }
}

// An alert's name is one long word: where it does not fit on a line it may end before a capital.
for (const title of document.querySelectorAll("article h1, .related-pages .title")) {
  for (const text of [...title.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE)) {
    const parts = text.data.split(/(?<=[a-z])(?=[A-Z])/);
    text.replaceWith(...parts.flatMap((part, at) => (at ? [document.createElement("wbr"), part] : [part])));
  }
}
