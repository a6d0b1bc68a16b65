/** Server-sent events, from the text of a stream. */

export interface Message {
  readonly event: string;
  readonly data: string;
  /** The newest that the stream has said. */
  readonly id: string | null;
}

/**
 * Messages as they are completed; one that the end of the stream cuts off is dropped. `more` is given the fields that
 * are none of a message's own.
 */
export async function* messages(
  chunks: AsyncIterable<string>,
  more: (field: string, value: string) => void = () => undefined,
): AsyncGenerator<Message, void, undefined> {
  let rest = '';
  let event = 'message';
  let data: string[] = [];
  let id: string | null = null;
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) {
          yield { event, data: data.join('\n'), id };
        }
        event = 'message';
        data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') {
        event = value;
      } else if (field === 'data') {
        data.push(value);
      } else if (field === 'id' && !value.includes('\0')) {
        id = value;
      } else if (field !== '' && field !== 'id') {
        more(field, value);
      }
    }
  }
}
