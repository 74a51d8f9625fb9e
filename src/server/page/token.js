/**
 * Takes the token out of the address as soon as the page begins to load: it comes in the fragment, after `#`, which
 * browsers do not send. It is kept for this browser tab (session storage), and handed to other tabs that ask.
 */

globalThis.cloisterToken = (() => {
  const KEY = 'cloister-token';
  const channel = new BroadcastChannel('cloister-token');
  const listeners = new Set();
  const current = () => sessionStorage.getItem(KEY);

  const keep = (token) => {
    if (token === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  };

  const fromAddress = () => {
    const given = new URLSearchParams(location.hash.slice(1)).get('token');
    if (given === null) return false;
    history.replaceState(null, '', location.pathname + location.search);
    keep(given.trim());
    return true;
  };

  channel.onmessage = ({ data }) => {
    if (data.ask && current() !== null) channel.postMessage({ token: current() });
    if (data.signedOut) {
      keep(null);
      location.reload();
    }
    if (typeof data.token === 'string' && current() === null) {
      keep(data.token);
      for (const listener of listeners) listener(data.token);
    }
  };

  // Opening the link in a tab that shows this page already changes only the fragment.
  addEventListener('hashchange', () => {
    if (fromAddress()) location.reload();
  });
  fromAddress();

  return {
    current,
    /** Signs in this tab, and those that wait for a token. */
    signIn: (token) => {
      keep(token);
      channel.postMessage({ token });
    },
    /** Forgets a token that the server does not know. */
    forget: () => keep(null),
    signOut: () => {
      keep(null);
      channel.postMessage({ signedOut: true });
      location.reload();
    },
    /** Asks the other tabs, now; the answer comes whenever one signs in. */
    ask: (listener) => {
      listeners.add(listener);
      channel.postMessage({ ask: true });
    },
  };
})();
