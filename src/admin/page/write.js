/** Writes to the document: text as text and never as markup, and nothing that stands there already. */

export const byId = id => document.getElementById(id)

/** A new element; `more` are attributes. */
export function make(name, more = {}, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(more)) element.setAttribute(key, value)
  element.append(...children)
  return element
}

/** Characters that turn the direction of what follows them are shown, not obeyed: a name could rewrite its neighbours. */
export function setText(element, text) {
  const plain = text.replace(/[\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
  if (element.textContent !== plain) element.textContent = plain
}

/** `undefined` takes the attribute away. */
export function setAttribute(element, name, value) {
  if (value === undefined) {
    if (element.hasAttribute(name)) element.removeAttribute(name)
  } else if (element.getAttribute(name) !== value) element.setAttribute(name, value)
}

export function setHidden(element, isHidden) {
  if (element.hidden !== isHidden) element.hidden = isHidden
}

/**
 * One child of `parent` for each item, in their order: those that are there already are kept, so that nothing flickers,
 * loses its focus or its selection.
 */
export function keepRows(parent, items, keyOf, makeRow, fill) {
  const rows = (parent.kept ??= new Map())
  const gone = new Set(rows.keys())
  let next = parent.firstElementChild
  for (const item of items) {
    const key = keyOf(item)
    gone.delete(key)
    let row = rows.get(key)
    if (!row) rows.set(key, (row = makeRow(item)))
    if (row.element === next) next = next.nextElementSibling
    else parent.insertBefore(row.element, next)
    fill(row, item)
  }
  for (const key of gone) {
    rows.get(key).element.remove()
    rows.delete(key)
  }
}

/** A row of plain cells. `classes` say of each what it is. */
export function cellsRow(classes) {
  const cells = classes.map(name => make('td', name ? { class: name } : {}))
  return { element: make('tr', {}, ...cells), cells }
}
