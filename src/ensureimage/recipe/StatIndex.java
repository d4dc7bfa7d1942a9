// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.nio.ByteBuffer;
import java.nio.LongBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import java.util.zip.Checksum;

/**
 * Digests of files by what lstat says of them: a table in one block of numbers, so that 20,000 files are read in at once.
 * Paths are not in it, as a file that was renamed, or has several names, is the same inode.
 *
 * <p>As bytes: a head, when it was written, the records, a checksum.
 */
final class StatIndex {
    private static final long HEAD = 0x6569_7374_6174_0001L; // "eistat" and the version
    private static final int BEFORE = 2 * Long.BYTES;
    private static final int AROUND = BEFORE + Long.BYTES;
    /**
     * Of a record: inode, device, size, mtime, ctime, the day of its last use above the mode, and the digest: as text, for
     * that is what it is wanted as.
     */
    private static final int RECORD = 14;
    private static final int DAY = 5;
    private static final int DIGEST = 6;
    private static final int DIGITS = (RECORD - DIGEST) * Long.BYTES;
    /** Less than 16 MB. */
    private static final int MOST_RECORDS = 140_000;
    private static final int KEPT_DAYS = 30;
    private static final int WORN_DAYS = 7;

    private final long[] records;
    /** The same, after {@link #BEFORE} other bytes. */
    private final byte[] bytes;
    private final int[] slots;
    private final boolean[] used;
    private final int today;

    /** @param today in days since 1970 */
    private StatIndex(long[] records, byte[] bytes, int today) {
        this.records = records;
        this.bytes = bytes;
        this.today = today;
        int count = records.length / RECORD;
        this.used = new boolean[count];
        this.slots = new int[Integer.highestOneBit(Math.max(1, count)) * 4];
        for (int i = 0; i < count; i++) {
            int slot = slot(records[i * RECORD]);
            while (slots[slot] != 0) {
                slot = slot + 1 & slots.length - 1;
            }
            slots[slot] = i + 1;
        }
    }

    static StatIndex empty(int today) {
        return new StatIndex(new long[0], new byte[AROUND], today);
    }

    /**
     * Reads what {@link #bytes} wrote. Anything else is an empty index. So is one that is from later than now: the clock was
     * set back, and a file may get a time once more that it had before.
     */
    static StatIndex parse(byte[] bytes, Instant now, int today) {
        int length = bytes.length - AROUND;
        if (length < 0 || length % (RECORD * Long.BYTES) != 0 || length / (RECORD * Long.BYTES) > MOST_RECORDS) {
            return empty(today);
        }
        LongBuffer numbers = ByteBuffer.wrap(bytes).asLongBuffer();
        long checksum = numbers.get(numbers.limit() - 1);
        if (numbers.get() != HEAD || numbers.get() > now.toEpochMilli()
                || checksum != checksum(bytes, bytes.length - Long.BYTES)) {
            return empty(today);
        }
        long[] records = new long[length / Long.BYTES];
        numbers.get(records);
        return new StatIndex(records, bytes, today);
    }

    /** Two that have nothing in common; both are quick before anything is compiled. */
    private static long checksum(byte[] bytes, int length) {
        Checksum one = new CRC32();
        Checksum other = new CRC32C();
        one.update(bytes, 0, length);
        other.update(bytes, 0, length);
        return one.getValue() << Integer.SIZE | other.getValue();
    }

    /** Where a record of this inode is, or the next free place. Inodes come in runs, so neighbours get places apart. */
    private int slot(long inode) {
        return (int) (inode * 0x9E37_79B9_7F4A_7C15L >>> 32) & slots.length - 1;
    }

    /** The digest, 64 hexadecimal digits; null if this file is not known in this state. */
    String find(FileStat stat) {
        for (int slot = slot(stat.inode()); slots[slot] != 0; slot = slot + 1 & slots.length - 1) {
            int at = (slots[slot] - 1) * RECORD;
            if (records[at] == stat.inode() && records[at + 1] == stat.host() && records[at + 2] == stat.size()
                    && records[at + 3] == stat.modified() && records[at + 4] == stat.changed()
                    && (int) records[at + DAY] == stat.mode()) {
                used[slots[slot] - 1] = true;
                return new String(bytes, BEFORE + (at + DIGEST) * Long.BYTES, DIGITS, StandardCharsets.ISO_8859_1);
            }
        }
        return null;
    }

    /** Whether records that were found need a younger day, so as not to be dropped although they are used. */
    boolean isWorn() {
        for (int i = 0; i < used.length; i++) {
            if (used[i] && day(i) < today - WORN_DAYS) {
                return true;
            }
        }
        return false;
    }

    /**
     * The same with these files besides, and without what was not used for long: neither their former states nor, if there
     * are too many, those used longest ago.
     */
    StatIndex with(Map<FileStat, String> digests) {
        Set<List<Long>> replaced = new HashSet<>();
        List<long[]> all = new ArrayList<>();
        digests.forEach((stat, digest) -> {
            if (replaced.add(List.of(stat.inode(), stat.host()))) {
                all.add(record(stat, digest));
            }
        });
        for (int i = 0; i < used.length; i++) {
            long[] record = Arrays.copyOfRange(records, i * RECORD, (i + 1) * RECORD);
            record[DAY] = used[i] ? dated((int) record[DAY]) : record[DAY];
            boolean old = Math.abs(today - (record[DAY] >> Integer.SIZE)) > KEPT_DAYS;
            if (!old && !replaced.contains(List.of(record[0], record[1]))) {
                all.add(record);
            }
        }
        all.sort(Comparator.comparingLong((long[] record) -> -(record[DAY] >> Integer.SIZE)));
        long[] kept = new long[Math.min(all.size(), MOST_RECORDS) * RECORD];
        for (int i = 0; i < kept.length; i += RECORD) {
            System.arraycopy(all.get(i / RECORD), 0, kept, i, RECORD);
        }
        ByteBuffer text = ByteBuffer.allocate(kept.length * Long.BYTES + AROUND);
        text.position(BEFORE).slice().asLongBuffer().put(kept);
        return new StatIndex(kept, text.array(), today);
    }

    private long[] record(FileStat stat, String digest) {
        ByteBuffer text = ByteBuffer.wrap(digest.getBytes(StandardCharsets.ISO_8859_1));
        long[] record =
                {stat.inode(), stat.host(), stat.size(), stat.modified(), stat.changed(), dated(stat.mode()), 0, 0,
                    0, 0, 0, 0, 0, 0};
        text.asLongBuffer().get(record, DIGEST, RECORD - DIGEST);
        return record;
    }

    private long dated(int mode) {
        return (long) today << Integer.SIZE | mode;
    }

    private long day(int record) {
        return records[record * RECORD + DAY] >> Integer.SIZE;
    }

    /** What {@link #parse} reads. @param now when it is written */
    byte[] bytes(Instant now) {
        ByteBuffer all = ByteBuffer.wrap(bytes.clone());
        int end = bytes.length - Long.BYTES;
        all.putLong(HEAD).putLong(now.toEpochMilli());
        return all.putLong(end, checksum(all.array(), end)).array();
    }
}
