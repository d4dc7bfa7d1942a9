import assert from 'node:assert/strict';
import test from 'node:test';
import { run } from '../image.js';

test('it greets', () => {
  assert.equal(run('cat', '/greeting'), 'hello\n');
});
