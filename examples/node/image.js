import { execFileSync } from 'node:child_process';

const program = process.env.ENSURE_IMAGE ?? 'ensure_image';

/** The ID of the image. The test runner starts every file as a process of its own, several at once. */
export const image = execFileSync(program, ['-q', 'app-test'], { encoding: 'utf8' }).trim();

/** What a command prints in a container of the image. */
export function run(...command) {
  return execFileSync('docker', ['run', '--rm', image, ...command], { encoding: 'utf8' });
}
