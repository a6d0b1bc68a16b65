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

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** The largest binary unit that keeps the number above one, with three digits. It is not exact; `exactBytes` is. */
export function formatBytes(amount: number): string {
  let size = amount;
  let power = 0;
  // Rounded as it will be shown: nobody wants to read 1024 MiB.
  while (Math.abs(size) >= 1023.5 && power < BINARY.length - 1) {
    size /= 1024;
    power += 1;
  }
  const decimals = Math.abs(size) < 9.995 ? 2 : Math.abs(size) < 99.95 ? 1 : 0;
  return `${Number(size.toFixed(decimals))} ${BINARY[power]}`;
}

/** Bytes so that `parseBytes` reads the same: for what is edited. */
export function exactBytes(amount: number): string {
  const told = formatBytes(amount);
  if (parseBytes(told) === amount) {
    return told;
  }
  for (let power = BINARY.length - 1; power > 0; power -= 1) {
    if (amount % 1024 ** power === 0) {
      return `${amount / 1024 ** power} ${BINARY[power]}`;
    }
  }
  return `${amount} B`;
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
