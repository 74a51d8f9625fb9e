/** The script and the style of the GraphiQL page, in addition to those of GraphiQL itself. */

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
subscription FollowLogs($jobId: ID!) {
  logs(jobId: $jobId) {
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

/**
 * Signs in and starts GraphiQL. The token comes in the fragment of the URL (after `#`), which browsers do not send, and
 * is kept for this browser tab only. Subscriptions use SSE, which can carry a header.
 */
export const PAGE_SCRIPT = `'use strict';
(() => {
  const KEY = 'cloister-token';
  const assets = document.documentElement.dataset.assets;
  const workers = { json: 'json-worker.js', graphql: 'graphql-worker.js' };
  self.MonacoEnvironment = {
    globalAPI: false,
    getWorkerUrl: (_module, label) => assets + (workers[label] ?? 'editor-worker.js'),
  };

  const signIn = (problem) => {
    const form = document.querySelector('#sign-in');
    form.hidden = false;
    document.querySelector('#problem').textContent = problem;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEY, document.querySelector('#token').value.trim());
      location.reload();
    });
  };

  const start = async (token) => {
    const authorization = 'Bearer ' + token;
    const { status } = await fetch('/graphql?query={__typename}', { headers: { authorization } });
    if (status === 401) {
      sessionStorage.removeItem(KEY);
      return signIn('The server does not know this token.');
    }
    YogaGraphiQL.renderYogaGraphiQL(document.querySelector('#root'), {
      title: 'Cloister',
      endpoint: '/graphql',
      defaultTabs: ${JSON.stringify(TABS)},
      additionalHeaders: { authorization },
      subscriptionsProtocol: 'SSE',
      shouldPersistHeaders: false,
    });
  };

  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, '', location.pathname + location.search);
  }
  // Opening a link in a tab that already shows this page changes only the fragment.
  addEventListener('hashchange', () => location.reload());
  const token = sessionStorage.getItem(KEY);
  if (token) start(token).catch(() => signIn('The server cannot be reached.'));
  else signIn('');
})();
`;

export const PAGE_STYLE = `html, body, #root { height: 100%; margin: 0; }
#sign-in { max-width: 26rem; margin: 18vh auto 0; font: 1rem/1.5 system-ui, sans-serif; }
#sign-in label { display: block; }
#sign-in input { width: 100%; box-sizing: border-box; padding: .5rem; font: inherit; }
#sign-in button { margin-top: .75rem; padding: .5rem 1rem; font: inherit; }
#problem { color: #b3261e; }
/* The animation of the tabs leaves them where they are not: the first click on one would be lost. */
.graphiql-tab { transform: none !important; }
`;
