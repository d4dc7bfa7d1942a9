import assert from 'node:assert/strict';
import test from 'node:test';
import { run } from '../image.js';

test('it takes arguments as they are', () => {
  assert.equal(run('echo', 'a  b'), 'a  b\n');
});
