/** A list of any length: where it is long, only what is in sight, or near it, is there. */

import { defaultRangeExtractor, useVirtualizer, type Range } from '@tanstack/react-virtual';
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type ReactElement, type RefObject } from 'react';

/** So many may all be there: the browser's own search finds them, and they cost little. */
const FEW = 30;
/** Pixels, until some were measured. */
const USUAL = 140;
const GAP = 8;
const BEYOND_SIGHT = 6;

export interface LongListProps<T> {
  readonly items: readonly T[];
  readonly className: string;
  readonly keyOf: (item: T) => string;
  readonly children: (item: T) => ReactElement;
  /** The key of what is to be brought into sight, when that changes; empty: nothing. */
  readonly shown: string;
}

/** What has the focus stays there, however far it is scrolled away. */
export function LongList<T>(props: LongListProps<T>): ReactElement {
  return props.items.length > FEW ? <Windowed {...props} /> : <Whole {...props} />;
}

function Whole<T>({ items, className, keyOf, children, shown }: LongListProps<T>): ReactElement {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    const found = [...(list.current?.children ?? [])].find((each) => each.getAttribute('data-key') === shown);
    found?.scrollIntoView({ block: 'nearest' });
  }, [shown]);
  return (
    <ul ref={list} className={className}>
      {items.map((item) => (
        <li key={keyOf(item)} data-key={keyOf(item)}>
          {children(item)}
        </li>
      ))}
    </ul>
  );
}

function Windowed<T>({ items, className, keyOf, children, shown }: LongListProps<T>): ReactElement {
  const list = useRef<HTMLUListElement>(null);
  const [scroller, scrollMargin] = usePlace(list);
  const focused = useFocused(list);
  const typical = useTypical(list);
  const virtual = useVirtualizer<HTMLElement, HTMLLIElement>({
    count: items.length,
    getScrollElement: () => scroller,
    estimateSize: typical,
    getItemKey: useCallback((index: number) => keyOf(items[index] as T), [items, keyOf]),
    gap: GAP,
    overscan: BEYOND_SIGHT,
    scrollMargin,
    rangeExtractor: (range: Range) => {
      const near = defaultRangeExtractor(range);
      const key = focused();
      const kept = key === '' ? -1 : items.findIndex((each) => keyOf(each) === key);
      return kept < 0 || near.includes(kept) ? near : [...near, kept].sort((a, b) => a - b);
    },
  });
  const reveal = (key: string): void => {
    const index = items.findIndex((each) => keyOf(each) === key);
    if (index >= 0) {
      virtual.scrollToIndex(index);
    }
  };
  const newest = useRef(reveal);
  newest.current = reveal;
  // Not when the list changes: whoever has scrolled on stays there.
  useEffect(() => newest.current(shown), [shown, scroller]);
  return (
    <ul ref={list} className={className} data-windowed="true" style={{ height: virtual.getTotalSize() }}>
      {virtual.getVirtualItems().map(({ index, key, start }) => (
        <li
          key={key}
          ref={virtual.measureElement}
          data-index={index}
          data-key={key}
          aria-setsize={items.length}
          aria-posinset={index + 1}
          // Not by a transform: each would be a layer's worth of work to the browser, whenever one comes or goes.
          style={{ top: start - scrollMargin }}
        >
          {children(items[index] as T)}
        </li>
      ))}
    </ul>
  );
}

/** What scrolls the list, and how far below its upper end the list begins. */
function usePlace(list: RefObject<HTMLElement>): [HTMLElement | null, number] {
  const [scroller, setScroller] = useState<HTMLElement | null>(null);
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => setScroller(scrollerOf(list.current)), [list]);
  const measure = useCallback(() => {
    if (list.current && scroller) {
      const top = list.current.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
      setMargin(Math.round(top + scroller.scrollTop));
    }
  }, [list, scroller]);
  useLayoutEffect(measure, [measure]);
  // Not after each drawing: to be asked for its place, the page would have to be laid out while it is scrolled. Whatever
  // comes or goes above the list makes all of it longer or shorter.
  useEffect(() => {
    const content = [...(scroller?.children ?? [])].find((each) => each.contains(list.current));
    if (!content || typeof ResizeObserver === 'undefined') {
      return;
    }
    const observer = new ResizeObserver(measure);
    observer.observe(content);
    return () => observer.disconnect();
  }, [list, scroller, measure]);
  return [scroller, margin];
}

function scrollerOf(element: HTMLElement | null): HTMLElement | null {
  for (let each = element?.parentElement ?? null; each !== null; each = each.parentElement) {
    if (/^(auto|scroll)$/.test(getComputedStyle(each).overflowY)) {
      return each;
    }
  }
  return element === null ? null : document.documentElement;
}

/**
 * How high one is that was not measured: as those that are in sight at first. It stays so, so that nothing moves. Close to
 * what they are, so that few of them, once they are there, have to be made room for in a second drawing.
 */
function useTypical(list: RefObject<HTMLElement>): () => number {
  const found = useRef(0);
  return useCallback(() => {
    if (found.current === 0) {
      const heights = [...(list.current?.children ?? [])].map((each) => each.getBoundingClientRect().height);
      const sum = heights.reduce((total, each) => total + each, 0);
      found.current = heights.length === 0 ? 0 : Math.round(sum / heights.length);
    }
    return found.current === 0 ? USUAL : found.current;
  }, [list]);
}

/** The key of the item in which the focus is. */
function useFocused(list: RefObject<HTMLElement>): () => string {
  return useCallback(() => {
    const active = document.activeElement;
    const inside = active !== null && list.current?.contains(active) ? active.closest('li[data-key]') : null;
    return inside?.getAttribute('data-key') ?? '';
  }, [list]);
}
