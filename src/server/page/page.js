/** Signs in and starts GraphiQL. */

import { fetcher } from './fetcher.js';

const { documentElement } = document;
const assets = new URL('.', import.meta.url);
const endpoint = location.pathname;
const tokens = globalThis.cloisterToken;

const workers = { json: 'json-worker.js', graphql: 'graphql-worker.js' };
self.MonacoEnvironment = {
  globalAPI: false,
  getWorkerUrl: (_module, label) => new URL(workers[label] ?? 'editor-worker.js', assets).href,
};

const TABS = [
  {
    query: `# Runs a command in a cell of its own.
# Take the id of the answer to the next tab.
mutation SubmitJob {
  submitJob(input: { command: "ls -lah /" }) {
    job {
      id
      status
    }
  }
}
`,
  },
  {
    query: `# Follows what a job writes until it has ended.
# Put the id of a job into the variables below.
# "after" lets it survive a lost connection.
subscription FollowLogs($jobId: ID!, $after: String) {
  logs(jobId: $jobId, after: $after) {
    entries {
      stream
      time
      text
    }
    cursor
    endOfLog
  }
}
`,
    variables: `{
  "jobId": ""
}`,
  },
  {
    query: `# The newest jobs and what became of them.
query ListJobs {
  jobs(first: 10) {
    nodes {
      id
      command
      status
      exitCode
      error
      createdAt
      usage {
        cpuTime
        memoryPeak
      }
    }
  }
}
`,
  },
];

const LOGO = `<svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><path d="M3 21V11a9 9 0 0 1 18 0v10h-4V11a5 5 0 0 0-10 0v10z" fill="currentColor"/></svg>`;

/** What the server says to a token. */
const statusOf = async (token) => {
  const address = `${endpoint}?query=${encodeURIComponent('{__typename}')}`;
  const headers = { accept: 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  return (await fetch(address, { headers })).status;
};

const start = (token) => {
  documentElement.dataset.signedIn = '';
  YogaGraphiQL.renderYogaGraphiQL(document.querySelector('#root'), {
    title: 'Cloister',
    logo: LOGO,
    defaultTabs: TABS,
    fetcher: fetcher(endpoint, token),
    shouldPersistHeaders: false,
    showPersistHeadersSettings: false,
  });
  const button = document.querySelector('#sign-out');
  button.addEventListener('click', tokens.signOut);
};

const signIn = (problem) => {
  document.querySelector('#problem').textContent = problem;
  const form = document.querySelector('#sign-in form');
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    tokens.signIn(document.querySelector('#token').value.trim());
    location.reload();
  });
  delete documentElement.dataset.signedIn;
  document.querySelector('#sign-in').hidden = false;
  document.querySelector('#token').focus();
  tokens.ask(() => location.reload());
};

const token = tokens.current();
try {
  // A proxy may add the token: then none is needed here.
  const status = await statusOf(token);
  if (status !== 401) start(token ?? undefined);
  else if (token === null) signIn('');
  else {
    tokens.forget();
    signIn('The server does not know this token.');
  }
} catch {
  signIn('The server cannot be reached.');
}
