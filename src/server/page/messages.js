/** Shows the messages of a subscription above the result: output as text, everything else as JSON. All are kept, up to a bound. */

/** Characters that one tab of GraphiQL shows; the oldest go first. */
const MOST_CHARACTERS = 1_000_000;
/** Pieces of the page that they make up. */
const MOST_PIECES = 10_000;

/** Messages of each tab, by its element. */
const shown = new WeakMap();

const element = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

const activeTab = () =>
  document.querySelector('.graphiql-tab-active') ?? document.querySelector('.graphiql-tab');

/** Shows the messages of the tab that is open, and hides those of others. */
const showActive = () => {
  const panel = shown.get(activeTab());
  for (const other of document.querySelectorAll('.messages')) if (other !== panel) other.remove();
  const place = document.querySelector('.graphiql-response');
  if (panel !== undefined && place !== null && panel.parentElement !== place) {
    place.append(panel);
    const text = panel.querySelector('.messages-text');
    text.scrollTop = text.scrollHeight;
  }
};

/** Tabs are switched by GraphiQL, which says so in the class of their elements alone. */
const watchTabs = () => {
  const tabs = document.querySelector('.graphiql-tabs');
  if (tabs === null || tabs.dataset.watched !== undefined) return;
  tabs.dataset.watched = '';
  new MutationObserver(showActive).observe(tabs, {
    attributes: true,
    attributeFilter: ['class'],
    childList: true,
    subtree: true,
  });
};

/** Begins to show the messages of a subscription, in place of what its tab showed before. */
export const showMessages = () => {
  watchTabs();
  const tab = activeTab();
  const count = element('output', { className: 'messages-count', value: '0 messages' });
  const text = element('pre', { className: 'messages-text', tabIndex: 0 });
  text.setAttribute('role', 'log');
  text.setAttribute('aria-label', 'Messages');
  const close = element('button', {
    type: 'button',
    className: 'graphiql-un-styled messages-action',
    textContent: 'Show as JSON',
  });
  const copy = element('button', {
    type: 'button',
    className: 'graphiql-un-styled messages-action',
    textContent: 'Copy',
  });
  const bar = element('div', { className: 'messages-bar' }, count, copy, close);
  const panel = element('section', { className: 'messages' }, bar, text);
  close.addEventListener('click', () => {
    shown.delete(tab);
    panel.remove();
  });
  copy.addEventListener('click', () => navigator.clipboard.writeText(text.textContent));
  // Browsers give it to pages of https and of this machine only.
  copy.hidden = navigator.clipboard === undefined;
  shown.get(tab)?.remove();
  shown.set(tab, panel);
  showActive();

  let messages = 0;
  let characters = 0;
  let cut = false;
  const decoders = new Map();

  const append = (kind, words) => {
    if (words === '') return;
    const atEnd = text.scrollHeight - text.scrollTop - text.clientHeight < 40;
    const kept = words.slice(-MOST_CHARACTERS);
    const last = text.lastElementChild;
    // Output of one stream is one piece, so that a program that writes byte by byte makes no element of each.
    if (last?.dataset.kind === kind && last.textContent.length < 4096) last.append(kept);
    else {
      const piece = element('span', { textContent: kept });
      piece.dataset.kind = kind;
      text.append(piece);
    }
    characters += kept.length;
    cut ||= kept.length < words.length;
    while (characters > MOST_CHARACTERS || text.childElementCount > MOST_PIECES) {
      characters -= text.firstElementChild.textContent.length;
      text.firstElementChild.remove();
      cut = true;
    }
    if (atEnd) text.scrollTop = text.scrollHeight;
  };

  /** Text on a line of its own. */
  const line = (kind, words) => {
    const end = text.lastElementChild?.textContent ?? '\n';
    append(kind, `${end.endsWith('\n') ? '' : '\n'}${words}\n`);
  };

  const output = ({ stream, text: words, bytes }) => {
    if (typeof words === 'string') return append(stream, words);
    if (typeof bytes !== 'string') return line('JSON', JSON.stringify({ stream }));
    if (!decoders.has(stream)) decoders.set(stream, new TextDecoder());
    append(
      stream,
      decoders.get(stream).decode(
        Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)),
        { stream: true },
      ),
    );
  };

  const field = (name, value) => {
    if (!Array.isArray(value?.entries)) return line('JSON', JSON.stringify({ [name]: value }, null, 1));
    const damaged = value.damagedBytes ?? 0;
    const dropped = (value.droppedBytes ?? 0) - damaged;
    if (dropped > 0) line('NOTE', `${dropped} bytes of output were not kept here`);
    if (damaged > 0) line('NOTE', `${damaged} bytes of the log are damaged and missing here`);
    for (const entry of value.entries) output(entry);
    if (value.endOfLog) line('NOTE', 'end of the log');
  };

  const state = (words) => {
    const many = `${messages} ${messages === 1 ? 'message' : 'messages'}`;
    count.value = [many, cut && 'the oldest are not shown any more', words].filter(Boolean).join(' · ');
  };
  state('waiting');

  return {
    /** Settles when the page has had time to draw. */
    add: async (data) => {
      messages += 1;
      for (const [name, value] of Object.entries(data)) field(name, value);
      state('live');
      await new Promise((resolve) => setTimeout(resolve));
    },
    end: () => state('complete'),
    fail: (error) => {
      line('ERROR', error.message);
      state('failed');
    },
  };
};
