/** What tells that a connection may be gone though nobody closed it: silence, and what the browser says. */

/** Looks in so many parts of the longest silence. */
const LOOKS = 4;

/**
 * Notices silence by the wall's clock, which goes on while a machine sleeps. `onSilent` is told of `late`: the looks
 * themselves were held up, as by sleep or by a busy page, so that something may have come that was not read yet.
 */
export class SilenceWatch {
  private heardAt = Date.now();
  private lookedAt = Date.now();
  private timer: ReturnType<typeof setInterval> | null = null;

  constructor(
    private longest: number,
    private readonly onSilent: (late: boolean) => void,
  ) {
    this.start();
  }

  heard(): void {
    this.heardAt = Date.now();
  }

  /** From now on so many milliseconds of silence are too many. */
  expect(longest: number): void {
    this.longest = longest;
    this.start();
  }

  /** Look now. */
  look(): void {
    const now = Date.now();
    const late = now - this.lookedAt > (2 * this.longest) / LOOKS;
    this.lookedAt = now;
    // A clock that was set back counts, too: nobody knows how long it was.
    if (Math.abs(now - this.heardAt) >= this.longest) {
      this.heardAt = now;
      this.onSilent(late);
    }
  }

  end(): void {
    if (this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
    }
  }

  private start(): void {
    this.end();
    this.timer = setInterval(() => this.look(), this.longest / LOOKS);
  }
}

export interface BrowserListener {
  /** There is a network, or none, or another one. A server on the same machine may be reached all the same. */
  onNetwork(): void;
  /** The page is looked at again. */
  onSeen(): void;
}

/** Listen to the browser, if there is one. Returns how to end it. */
export function listenToBrowser(listener: BrowserListener): () => void {
  if (typeof window === 'undefined') {
    return () => undefined;
  }
  const network = (): void => listener.onNetwork();
  const seen = (): void => {
    if (!document.hidden) {
      listener.onSeen();
    }
  };
  window.addEventListener('online', network);
  window.addEventListener('offline', network);
  window.addEventListener('pageshow', seen);
  document.addEventListener('visibilitychange', seen);
  return () => {
    window.removeEventListener('online', network);
    window.removeEventListener('offline', network);
    window.removeEventListener('pageshow', seen);
    document.removeEventListener('visibilitychange', seen);
  };
}
