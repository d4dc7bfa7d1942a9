// SPDX-License-Identifier: Apache-2.0
package ensureimage;

/** When an image that is already there is good enough. */
public enum Policy {
    /** If it was built from what its inputs are now. */
    IF_STALE,
    /** Always: whatever image the reference names. */
    IF_MISSING,
    /** Never: it is built at least once. */
    ALWAYS
}
