/** Reads event streams (WHATWG HTML, section 9.2.6), as far as GraphQL over SSE has them. */

/**
 * The events of a stream: their `event` and `data` fields, without comments.
 *
 * @param {AsyncIterable<string>} chunks as they came
 * @returns {AsyncGenerator<{ readonly event: string, readonly data: string }, void, void>}
 */
export async function* eventsOf(chunks) {
  let event = '';
  /** @type {string[]} */
  let data = [];
  for await (const line of linesOf(chunks)) {
    if (line === '') {
      if (event !== '' || data.length > 0) yield { event: event || 'message', data: data.join('\n') };
      event = '';
      data = [];
    } else {
      const [, field, value = ''] = /^([^:]*):? ?([\s\S]*)$/.exec(line) ?? [];
      if (field === 'event') event = value;
      else if (field === 'data') data.push(value);
    }
  }
}

/** @type {(chunks: AsyncIterable<string>) => AsyncGenerator<string, void, void>} */
async function* linesOf(chunks) {
  /** @type {string[]} of a line that has not ended yet */
  let pieces = [];
  for await (const chunk of chunks) {
    const [first = '', ...rest] = chunk.split('\n');
    pieces.push(first);
    for (const next of rest) {
      yield pieces.join('').replace(/\r$/, '');
      pieces = [next];
    }
  }
}
