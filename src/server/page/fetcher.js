/** How GraphiQL reaches the server: answers as they are, subscriptions with every message kept on the page. */

import { createClient } from './client/index.js';
import { showMessages } from './messages.js';

/** The operation that is executed, of a parsed document. */
const operationOf = ({ definitions }, name) =>
  definitions.find(
    (definition) => definition.kind === 'OperationDefinition' && (!name || definition.name?.value === name),
  );

/**
 * Whether GraphiQL has not read the operations of the tab yet. It does so a moment after the tab was opened, and until then
 * executes it under the name of an operation of the tab before, which the server would refuse.
 */
const isOutdated = ({ query, operationName }) =>
  Boolean(operationName) && !new RegExp(`\\b${operationName}\\b`).test(query);

/** Whether a stream can continue after a cursor: it has a variable for one, and asks for them. */
const hasCursors = ({ variableDefinitions = [], selectionSet }) =>
  variableDefinitions.some(({ variable }) => variable.name.value === 'after') &&
  selectionSet.selections.some((field) =>
    field.selectionSet?.selections.some(({ name, alias }) => name?.value === 'cursor' && alias === undefined),
  );

/** @returns what GraphiQL calls for each execution */
export const fetcher = (endpoint, token) => {
  const url = new URL(endpoint, location.href).href;

  const ask = async (payload, headers) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        accept: 'application/graphql-response+json, application/json',
        'content-type': 'application/json',
        ...(token && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      body: JSON.stringify(payload),
    });
    return response.json();
  };

  const follow = async function* ({ query, operationName, variables }, headers, operation) {
    const ended = new AbortController();
    const client = createClient({
      url,
      token,
      fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...headers } }),
    });
    const options = { signal: ended.signal, operationName };
    const messages = hasCursors(operation)
      ? client.resume(query, variables ?? {}, options)
      : client.subscribe(query, variables, options);
    const shown = showMessages();
    try {
      for await (const data of messages) {
        await shown.add(data);
        yield { data };
      }
      shown.end();
    } catch (error) {
      shown.fail(error);
      yield error.errors === undefined ? { errors: [{ message: error.message }] } : { errors: error.errors };
    } finally {
      ended.abort();
    }
  };

  return async (payload, { headers, documentAST } = {}) => {
    if (isOutdated(payload)) return { errors: [{ message: 'The tab was not ready yet. Execute it again.' }] };
    const operation = documentAST && operationOf(documentAST, payload.operationName);
    return operation?.operation === 'subscription'
      ? follow(payload, headers, operation)
      : ask(payload, headers);
  };
};
