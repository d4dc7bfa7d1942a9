import assert from 'node:assert/strict';
import test from 'node:test';
import { run } from '../image.js';

test('it runs as root', () => {
  assert.equal(run('id', '-u'), '0\n');
});
