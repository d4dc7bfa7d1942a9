// SPDX-License-Identifier: Apache-2.0

/**
 * Private, real Docker engines for tests and demonstrations: from Debian's packages, or in a container. Each ends, with
 * all that is in it, when it is closed or when this JVM ends. {@link ensureimage.throwaway.ThrowawayEngine} starts one.
 *
 * <p>Not API: it may change at any time.
 */
package ensureimage.throwaway;
