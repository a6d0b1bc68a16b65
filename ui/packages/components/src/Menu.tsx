/** A button that opens a menu of what is done more rarely. */

import { useEffect, useId, useLayoutEffect, useRef, useState, type KeyboardEvent, type ReactElement } from 'react';

export interface Choice {
  readonly label: string;
  readonly onChoose: () => void;
}

export interface MenuProps {
  readonly label: string;
  readonly choices: readonly Choice[];
}

/** Pixels between the menu and its button, and between the menu and the window's edge. */
const GAP = 2;
const EDGE = 4;

/** Used by keys as any menu button: Enter, Space or an arrow opens it, arrows move in it, Escape and Tab close it. */
export function Menu({ label, choices }: MenuProps): ReactElement {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  /** Which one has the keyboard; null: it is closed. */
  const [at, setAt] = useState<number | null>(null);
  const open = at !== null && choices.length > 0;

  // Beside the button also when what is around it has grown, so after every drawing.
  useLayoutEffect(() => {
    if (open && button.current !== null && list.current !== null) {
      place(list.current, button.current);
    }
  });
  useEffect(() => {
    if (open) {
      const items = list.current?.querySelectorAll<HTMLElement>('[role=menuitem]');
      items?.[Math.min(at, items.length - 1)]?.focus({ preventScroll: true });
    }
  }, [open, at]);
  useEffect(() => {
    if (!open) {
      return;
    }
    const close = (): void => setAt(null);
    const outside = ({ target }: Event): void => {
      if (!(target instanceof Node && (list.current?.contains(target) || button.current?.contains(target)))) {
        close();
      }
    };
    // What it belongs to would move away below it.
    const scrolled = ({ target }: Event): void => {
      if (target instanceof Node && target.contains(button.current)) {
        close();
      }
    };
    document.addEventListener('scroll', scrolled, true);
    document.addEventListener('pointerdown', outside, true);
    document.addEventListener('focusin', outside);
    window.addEventListener('resize', close);
    return () => {
      document.removeEventListener('scroll', scrolled, true);
      document.removeEventListener('pointerdown', outside, true);
      document.removeEventListener('focusin', outside);
      window.removeEventListener('resize', close);
    };
  }, [open]);

  const leave = (): void => {
    button.current?.focus({ preventScroll: true });
    setAt(null);
  };
  const choose = (choice: Choice): void => {
    // First, so that what opens now can take the keyboard.
    leave();
    choice.onChoose();
  };
  const onButtonKey = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      setAt(event.key === 'ArrowDown' ? 0 : choices.length - 1);
    }
  };
  const onKey = (event: KeyboardEvent): void => {
    const here = at ?? 0;
    const last = choices.length - 1;
    switch (event.key) {
      case 'Escape':
        leave();
        break;
      case 'Tab':
        // The browser goes on from the button.
        leave();
        return;
      case 'ArrowDown':
        setAt(here >= last ? 0 : here + 1);
        break;
      case 'ArrowUp':
        setAt(here <= 0 ? last : here - 1);
        break;
      case 'Home':
        setAt(0);
        break;
      case 'End':
        setAt(last);
        break;
      default:
        if (event.key.length !== 1 || event.key === ' ' || event.ctrlKey || event.metaKey || event.altKey) {
          return;
        }
        setAt(beginning(event.key, choices, here));
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className="zoe-button"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setAt(open ? null : 0)}
        onKeyDown={onButtonKey}
      >
        {label} <span aria-hidden="true">▾</span>
      </button>
      {open && (
        // What is in it has the keyboard.
        <div ref={list} id={id} role="menu" aria-label={label} className="zoe-menu" tabIndex={-1} onKeyDown={onKey}>
          {choices.map((choice) => (
            <button key={choice.label} type="button" role="menuitem" tabIndex={-1} onClick={() => choose(choice)}>
              {choice.label}
            </button>
          ))}
        </div>
      )}
    </>
  );
}

/** The next one that begins with this letter. */
function beginning(letter: string, choices: readonly Choice[], from: number): number {
  const order = choices.map((_, index) => (from + 1 + index) % choices.length);
  return order.find((index) => choices[index]?.label.toLowerCase().startsWith(letter.toLowerCase())) ?? from;
}

/** Above everything, so that nothing around the card cuts it off; above the button where there is no room below it. */
function place(menu: HTMLElement, button: HTMLElement): void {
  if ('showPopover' in menu && !menu.hasAttribute('popover')) {
    menu.setAttribute('popover', 'manual');
    menu.showPopover();
  }
  const around = button.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const below = around.bottom + GAP;
  const fits = below + height <= window.innerHeight - EDGE;
  menu.style.left = `${Math.max(EDGE, Math.min(around.left, window.innerWidth - width - EDGE))}px`;
  menu.style.top = `${fits ? below : Math.max(EDGE, around.top - GAP - height)}px`;
}
