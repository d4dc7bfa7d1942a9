// SPDX-License-Identifier: Apache-2.0

/**
 * Docker: starts its client, asks its engine, and reads what both say.
 *
 * <p>Not API. What it finds wrong it throws as data; it knows no option of ours, no exit code and no sentence for people.
 */
package ensureimage.engine;
