import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import type { ReactElement } from 'react';
import { LongList } from '../src/LongList.js';

const HEIGHT = 600;
const EACH = 100;
const GAP = 8;
const numbers = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => String(index));
/** Where the list is, as it moves with its scroller. */
const place = (): DOMRect => ({ top: -screen.getByTestId('scroller').scrollTop }) as DOMRect;
const itself = (item: string): string => item;

let measured: jest.SpyInstance[];

beforeEach(() => {
  // jsdom lays nothing out.
  measured = [
    jest.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(HEIGHT),
    jest.spyOn(HTMLElement.prototype, 'scrollHeight', 'get').mockReturnValue(150_000),
    jest.spyOn(HTMLUListElement.prototype, 'getBoundingClientRect').mockImplementation(place),
    jest.spyOn(HTMLElement.prototype, 'offsetHeight', 'get').mockReturnValue(EACH),
    jest.spyOn(HTMLLIElement.prototype, 'getBoundingClientRect').mockReturnValue({ height: EACH } as DOMRect),
  ];
});

afterEach(() => {
  cleanup();
  measured.forEach((spy) => spy.mockRestore());
});

function List({ count, shown = '' }: { count: number; shown?: string }): ReactElement {
  return (
    <div data-testid="scroller" style={{ overflowY: 'auto' }}>
      <LongList items={numbers(count)} className="list" keyOf={itself} shown={shown}>
        {(item) => <button type="button">{item}</button>}
      </LongList>
    </div>
  );
}

const there = (): readonly (string | null)[] => screen.getAllByRole('listitem').map((each) => each.textContent);

function scrollTo(pixels: number): void {
  const scroller = screen.getByTestId('scroller');
  scroller.scrollTop = pixels;
  fireEvent.scroll(scroller);
}

test('a few are all there', () => {
  render(<List count={20} />);
  expect(there()).toEqual(numbers(20));
});

test('of many, those in sight are there, and say which of how many they are', () => {
  render(<List count={1000} />);
  expect(there()[0]).toBe('0');
  expect(there().length).toBeLessThan(30);
  const first = screen.getAllByRole('listitem')[0];
  expect([first?.getAttribute('aria-posinset'), first?.getAttribute('aria-setsize')]).toEqual(['1', '1000']);
  scrollTo(50_000);
  expect(there()).not.toContain('0');
  expect(there().length).toBeLessThan(30);
});

test('it is as long as it will be once all were in sight, so that the scroll bar stays as it is', () => {
  render(<List count={1000} />);
  const long = `${1000 * EACH + 999 * GAP}px`;
  expect(screen.getByRole('list').style.height).toBe(long);
  scrollTo(50_000);
  expect(screen.getByRole('list').style.height).toBe(long);
});

test('what has the focus stays there when it is scrolled away', () => {
  render(<List count={1000} />);
  screen.getByRole('button', { name: '1' }).focus();
  scrollTo(50_000);
  expect(there()).toContain('1');
  expect(there()).not.toContain('0');
  expect(document.activeElement?.textContent).toBe('1');
});

test('one that is asked for is brought into sight', () => {
  const scrolled = jest.fn<void, [ScrollToOptions]>();
  HTMLElement.prototype.scrollTo = scrolled as unknown as typeof HTMLElement.prototype.scrollTo;
  const { rerender } = render(<List count={1000} />);
  rerender(<List count={1000} shown="500" />);
  expect(Number(scrolled.mock.calls.at(-1)?.[0].top)).toBeGreaterThan(30_000);
});
