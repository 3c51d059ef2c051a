/**
 * Adds all of a list to another. Unlike `push(...items)`, which puts each item on the stack, of any length: callers and
 * providers choose how long their lists are.
 */
export function pushAll<Item>(list: Item[], items: Iterable<Item>): void {
  for (const item of items) list.push(item);
}
