/** Where the keyboard goes on when what had it is taken away, or cannot be used any more. */

const USABLE = ['a[href]', 'button', 'input', 'select', 'textarea', '[tabindex="0"]']
  .map((each) => `${each}:not(:disabled)`)
  .join(', ');
/** Milliseconds in which what is being done may end: then it goes back to where it was. */
const PATIENCE = 1000;

interface Place {
  readonly element: HTMLElement;
  /** What is around it, the nearest first: a form, a card, a section. */
  readonly around: readonly HTMLElement[];
  /** The list that its card is in, and which of its cards that is. */
  readonly list: HTMLElement | null;
  readonly index: number;
}

/** From now on, below `root`. Returns how to end it. */
export function keepFocus(root: HTMLElement): () => void {
  let last: Place | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const lost = (): boolean => {
    const active = document.activeElement;
    return active === null || active === document.body || active === last?.element;
  };
  const move = (): void => {
    if (last !== null && lost() && !usable(last.element)) {
      replacement(root, last)?.focus({ preventScroll: true });
    }
  };
  const look = (): void => {
    if (last === null || !lost()) {
      return;
    }
    if (!last.element.isConnected) {
      move();
    } else if (!usable(last.element)) {
      clearTimeout(timer);
      timer = setTimeout(move, PATIENCE);
    } else if (document.activeElement !== last.element) {
      last.element.focus({ preventScroll: true });
    }
  };
  const came = (event: FocusEvent): void => {
    last = event.target instanceof HTMLElement ? placeOf(event.target) : null;
  };
  const went = (event: FocusEvent): void => {
    const element = event.target;
    const to = event.relatedTarget;
    if (to instanceof Node) {
      if (!root.contains(to)) {
        last = null;
      }
      return;
    }
    // Browsers also tell so of what is being taken away.
    setTimeout(() => {
      if (last?.element === element && usable(last.element) && document.activeElement === document.body) {
        last = null;
      }
    });
  };
  const observer = new MutationObserver(look);
  observer.observe(root, { childList: true, subtree: true, attributeFilter: ['disabled'] });
  root.addEventListener('focusin', came);
  root.addEventListener('focusout', went);
  return () => {
    observer.disconnect();
    clearTimeout(timer);
    root.removeEventListener('focusin', came);
    root.removeEventListener('focusout', went);
  };
}

function usable(element: HTMLElement): boolean {
  return element.isConnected && !element.matches(':disabled');
}

function placeOf(element: HTMLElement): Place {
  const around = ['form', '.zoe-actions', 'article', 'section']
    .map((each) => element.closest<HTMLElement>(each))
    .filter((each): each is HTMLElement => each !== null);
  const card = element.closest('li');
  const list = card?.parentElement ?? null;
  return { element, around, list, index: card === null ? -1 : [...(list?.children ?? [])].indexOf(card) };
}

function replacement(root: HTMLElement, last: Place): HTMLElement | null {
  for (const part of last.around.filter((each) => each.isConnected && each.tagName !== 'SECTION')) {
    const found = part.querySelector<HTMLElement>(USABLE);
    if (found !== null) {
      return found;
    }
  }
  if (last.list?.isConnected && last.list.children.length > 0) {
    const beside = last.list.children[Math.min(Math.max(0, last.index), last.list.children.length - 1)];
    const found = beside?.querySelector<HTMLElement>(USABLE);
    if (found) {
      return found;
    }
  }
  const heading = root.querySelector<HTMLElement>('h2');
  heading?.setAttribute('tabindex', '-1');
  return heading;
}
