/** Memory and time, read and written as the service does. */

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  K: 1e3,
  KB: 1e3,
  KI: 2 ** 10,
  KIB: 2 ** 10,
  M: 1e6,
  MB: 1e6,
  MI: 2 ** 20,
  MIB: 2 ** 20,
  G: 1e9,
  GB: 1e9,
  GI: 2 ** 30,
  GIB: 2 ** 30,
  T: 1e12,
  TB: 1e12,
  TI: 2 ** 40,
  TIB: 2 ** 40,
};
const SIZE = /^\s*([0-9]{1,30}(?:\.[0-9]{1,30})?)\s*([A-Za-z]*)\s*$/;
const LARGEST = 2 ** 63;

/** Bytes, from a number or from text such as `8 GiB`; null where it is no amount of memory. */
export function parseBytes(value: unknown): number | null {
  if (typeof value === 'number') {
    return value >= 0 && value < LARGEST ? Math.trunc(value) : null;
  }
  const match = typeof value === 'string' ? SIZE.exec(value) : null;
  const unit = match ? UNITS[(match[2] ?? '').toUpperCase()] : undefined;
  if (!match || unit === undefined) {
    return null;
  }
  const amount = Math.trunc(Number(match[1]) * unit);
  return amount < LARGEST ? amount : null;
}

/** The largest binary unit that keeps the number above one, with four digits. */
export function formatBytes(amount: number): string {
  let size = amount;
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (Math.abs(size) < 1024) {
      return `${fourDigits(size)} ${unit}`;
    }
    size /= 1024;
  }
  return `${fourDigits(size)} TiB`;
}

/** `3 s`, `2 min 5 s`, `1 h 3 min`, `2 d 4 h`: the two largest units. */
export function formatSeconds(seconds: number): string {
  let left = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [name, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0 && parts.length < 2) {
      parts.push(`${count} ${name}`);
    } else if (parts.length > 0) {
      break;
    }
  }
  return parts.join(' ') || '0 s';
}

function fourDigits(value: number): string {
  return String(Number(value.toPrecision(4)));
}
