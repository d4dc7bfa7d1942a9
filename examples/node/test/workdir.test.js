import assert from 'node:assert/strict';
import test from 'node:test';
import { run } from '../image.js';

test('it works in /srv', () => {
  assert.equal(run('pwd'), '/srv\n');
});
