// SPDX-License-Identifier: Apache-2.0

/**
 * The installed form: one jar, launchers for it, the docker plugin, and an archive of its classes for each Java that runs
 * it. Not API.
 */
package ensureimage.install;
