// SPDX-License-Identifier: Apache-2.0

/**
 * What people and programs are told: every sentence, hint and exit code, on a terminal, in a log, as JSON, in GitHub
 * Actions.
 *
 * <p>Not API. It prints to what it is handed, and decides nothing.
 */
package ensureimage.report;
