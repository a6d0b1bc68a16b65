/** The code that a notebook needs to use an execution. */

/** Python that connects to it. */
export function connecting(name: string): string {
  return `from zoe_widgets import Zoe\n\ncluster = Zoe().connect(${JSON.stringify(name)})`;
}
