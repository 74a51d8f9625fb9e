/** The client of the control socket. */

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { Control } from '../../../src/runtime/protocol/control.ts';
import { disposers } from '../../support/disposers.ts';

const onEnd = disposers();

/** The other side of the socket, which says what its test says. */
let folder: string;
let connected: Promise<Socket>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-control-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  const { promise, resolve } = Promise.withResolvers<Socket>();
  connected = promise;
  const server: Server = createServer((socket) => resolve(socket));
  await new Promise<void>((listening) => server.listen(join(folder, 'control'), listening));
  onEnd(() => new Promise((closed) => server.close(closed)));
  onEnd(async () => (await connected).destroy());
});

const events = () => {
  const reported: unknown[] = [];
  const ended = Promise.withResolvers<void>();
  return {
    reported,
    ended: ended.promise,
    on: {
      running: (startedAt: Date, pausedAt: Date | null) =>
        reported.push(['running', startedAt.getTime(), pausedAt?.getTime() ?? null]),
      paused: (since: Date) => reported.push(['paused', since.getTime()]),
      resumed: () => reported.push(['resumed']),
      ended: () => ended.resolve(),
    },
  };
};

describe('what a supervisor says', () => {
  it('is understood in whatever pieces it arrives', async () => {
    const { reported, ended, on } = events();
    new Control(folder, on);
    const socket = await connected;
    for (const piece of [
      'starting\nrun',
      'ning 5000000 0\npau',
      'sed 7000000\n',
      'resumed\n',
      'news of a later version\n',
    ])
      await new Promise<void>((written) => socket.write(piece, () => written()));
    socket.end();
    await ended;
    expect(reported).toEqual([['running', 5, null], ['paused', 7], ['resumed']]);
  });

  it('is understood from a supervisor of an earlier version, which knew no pauses', async () => {
    const { reported, ended, on } = events();
    new Control(folder, on);
    (await connected).end('running 5000000\n');
    await ended;
    expect(reported).toEqual([['running', 5, null]]);
  });

  it('reports that a cell is already paused', async () => {
    const { reported, ended, on } = events();
    new Control(folder, on);
    (await connected).end('running 5000000 6000000\n');
    await ended;
    expect(reported).toEqual([['running', 5, 6]]);
  });
});

describe('a request', () => {
  it('gets the answer that comes in its turn', async () => {
    const control = new Control(folder, events().on);
    onEnd(() => control.close());
    const answers = Promise.allSettled([control.pause(), control.signal(10), control.resume()]);
    const socket = await connected;
    socket.end('starting\nok\nerror it does not run\npaused 5\nok\n');
    expect(await answers).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { name: 'ControlError', message: 'it does not run' } },
      { status: 'fulfilled' },
    ]);
  });

  it('fails when the supervisor exits without an answer, and when it is gone', async () => {
    const { ended, on } = events();
    const control = new Control(folder, on);
    const asked = control.stop(5);
    (await connected).destroy();
    await expect(asked).rejects.toThrow('its supervisor is gone');
    await ended;
    await expect(control.pause()).rejects.toThrow('its supervisor is gone');
  });

  it('is answered though the connection is left meanwhile, of which nothing else is reported', async () => {
    const { reported, on } = events();
    const control = new Control(folder, on);
    const asked = control.write(0, Buffer.from('x'), true);
    const socket = await connected;
    control.leave();
    await expect(control.pause()).rejects.toThrow('its supervisor is gone');
    const left = new Promise((resolve) => socket.once('close', resolve));
    socket.resume().write('paused 5\naccepted 1\n');
    expect(await asked).toBe(1);
    await left;
    expect(reported).toEqual([]);
  });

  it('fails when the supervisor exits after the connection was left', async () => {
    const control = new Control(folder, events().on);
    const asked = control.stop(5);
    control.leave();
    (await connected).destroy();
    await expect(asked).rejects.toThrow('its supervisor is gone');
  });

  it('fails when the connection is closed', async () => {
    const control = new Control(folder, events().on);
    const asked = control.stop(5);
    await connected;
    control.close();
    await expect(asked).rejects.toThrow('its supervisor is gone');
  });
});
