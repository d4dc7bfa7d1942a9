import { execFileSync } from 'node:child_process';

/** The ID of the image. The test runner starts every file as a process of its own, several at once. */
export const image = execFileSync('ensure_image', ['-q', 'app-test'], { encoding: 'utf8' }).trim();

/** What a command prints in a container of the image. */
export function run(...command) {
  return execFileSync('docker', ['run', '--rm', image, ...command], { encoding: 'utf8' });
}
