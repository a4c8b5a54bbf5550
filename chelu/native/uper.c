/* What numpy cannot do fast: read UPER records, each of its own shape, one after the other into columns.
 *
 * Called through ctypes (chelu/codec/uper_native.py), which compiles a record's program into steps, makes room, and lets go of
 * Python's lock meanwhile. No function allocates, keeps anything between calls, or reads a byte outside the data: behind it lie
 * zeros. chelu/codec/uper_decode.py does the same with numpy, and the tests hold the two equal.
 */

#include <stdint.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "bytes are turned round, as a little-endian machine needs it"
#endif

enum { BLOCK = 0, OPTION = 1, TEST = 2, PICK = 3, REPEAT = 4 };
enum { COUNT = 1 };      /* the register of the count of a list that is read by itself */
enum { READ_BYTES = 9 }; /* 64 bits at any bit position */

/* A value within a word: shifted down and masked. What it decides is kept in register `head`. */
typedef struct {
    uint64_t mask, limit;  /* limit: the most that is legal, before `low` is added */
    int64_t low;
    int32_t down, column, is_wide, head;
} chelu_field;

/* BLOCK: fields first..last in the next `bits` bits, from `heads` on such as decide.
 * OPTION: a block that is there only if register `head` under `mask` is `value`, and decides nothing.
 * TEST: whether register `head` under `mask` is `value`; if not, go on at step `last`.
 * PICK: of the alternatives from field `first` on, `heads` fields each, that of register `head`; `last`: how many there are;
 *       their bits are in `totals` from `value` on.
 * REPEAT: the steps up to `last`, `value` times and as often as register `head` says. */
typedef struct {
    int64_t kind, group, first, heads, last, bits, head, mask, value;
} chelu_step;

/* Columns of one length: those of a record, or of a part of it that may be absent. owner: by row, the record's row that it
 * belongs to. */
typedef struct {
    int64_t *owner, count, room;
} chelu_group;

typedef struct {
    const uint8_t *data;
    int64_t size;
    const chelu_field *fields;
    const chelu_step *steps;
    const int64_t *totals; /* bits of alternatives */
    int64_t step_count;
    void *const *columns;  /* int64 where fields are wide, else int32 */
    chelu_group *groups;   /* the first is the records' own */
    uint64_t *heads;
    /* records, by row: first bit and the bit behind the frame; written: the bit behind the record, whether it is bad */
    const int64_t *start, *stop;
    const int64_t *count; /* what register COUNT holds when a record begins, or NULL */
    int64_t *end;
    uint8_t *bad;
    int64_t rows;
    /* the record being read */
    int64_t limit;
    int64_t is_bad;
} chelu_records;

static inline uint64_t big_endian(const uint8_t *from) {
    uint64_t word;
    memcpy(&word, from, 8);
    return __builtin_bswap64(word); /* a loop over bytes stays one: a third slower altogether */
}

/* The 64 bits at a bit position, zeros behind the data. */
static inline uint64_t word_at(const uint8_t *data, int64_t size, int64_t position) {
    const int64_t byte = position >> 3, left = size - byte;
    const int shift = position & 7;
    if (left >= READ_BYTES) return big_endian(data + byte) << shift | data[byte + 8] >> (8 - shift);
    uint8_t last[READ_BYTES] = {0};
    if (left > 0) memcpy(last, data + byte, (size_t)left);
    return big_endian(last) << shift | last[8] >> (8 - shift);
}

/* Write a value to row `row` of a column. */
static inline void write_value(void *column, int64_t row, const chelu_field *f, uint64_t raw) {
    if (f->is_wide)
        ((uint64_t *)column)[row] = raw + (uint64_t)f->low;
    else
        ((int32_t *)column)[row] = (int32_t)((int64_t)raw + f->low);
}

/* Read one record, or steps at..end of it, from `position`; answers the bit behind. row: the record's. */
static int64_t read_record(chelu_records *r, int64_t at, int64_t end, int64_t position, int64_t row) {
    const uint8_t *data = r->data;
    const chelu_field *fields = r->fields;
    const chelu_step *steps = r->steps;
    void *const *columns = r->columns;
    chelu_group *groups = r->groups;
    uint64_t *heads = r->heads, is_bad = 0;
    const int64_t size = r->size; /* all by name here: each write to a column might be to `r`, for all the compiler knows */
    while (at < end) {
        const chelu_step *s = steps + at++;
        chelu_group *group = groups + s->group;
        const chelu_field *f = fields + s->first;
        if (s->kind == BLOCK) {
            const uint64_t word = word_at(data, size, position);
            const int64_t place = group->count - 1;
            for (const chelu_field *stop = fields + s->heads; f < stop; f++) {
                const uint64_t raw = word >> f->down & f->mask;
                is_bad |= raw > f->limit;
                write_value(columns[f->column], place, f, raw);
            }
            for (const chelu_field *stop = fields + s->last; f < stop; f++) {
                const uint64_t raw = word >> f->down & f->mask;
                is_bad |= raw > f->limit;
                heads[f->head] = raw;
                write_value(columns[f->column], place, f, raw);
            }
            position += s->bits;
        } else if (s->kind == OPTION) { /* without a branch, which random shapes would mispredict: written, and kept if it is there */
            const uint64_t word = word_at(data, size, position);
            const uint64_t is_there = (heads[s->head] & (uint64_t)s->mask) == (uint64_t)s->value;
            const int64_t place = group->count;
            for (const chelu_field *stop = fields + s->last; f < stop; f++) {
                const uint64_t raw = word >> f->down & f->mask;
                is_bad |= is_there & (raw > f->limit);
                write_value(columns[f->column], place, f, raw);
            }
            group->owner[place] = row;
            group->count += (int64_t)is_there;
            position += s->bits & -(int64_t)is_there;
        } else if (s->kind == TEST) {
            if ((heads[s->head] & (uint64_t)s->mask) == (uint64_t)s->value)
                group->owner[group->count++] = row;
            else
                at = s->last;
        } else if (s->kind == PICK) {
            const uint64_t word = word_at(data, size, position), most = (uint64_t)s->last - 1;
            const uint64_t number = heads[s->head] < most ? heads[s->head] : most; /* where it is more, the record is bad already */
            f += number * (uint64_t)s->heads;
            for (const chelu_field *stop = f + s->heads; f < stop; f++) {
                const uint64_t raw = word >> f->down & f->mask;
                is_bad |= raw > f->limit;
                write_value(columns[f->column], group->count - 1, f, raw);
            }
            position += r->totals[s->value + (int64_t)number];
        } else {
            const int64_t count = s->value + (int64_t)heads[s->head];
            for (int64_t k = 0; k < count; k++) {
                if (position > r->limit || group->count == group->room) {
                    is_bad = 1; /* off its frame: a damaged record may claim thousands */
                    break;
                }
                group->owner[group->count] = row;
                position = read_record(r, at, s->last, position, group->count++);
            }
            at = s->last;
        }
    }
    r->is_bad |= (int64_t)is_bad;
    return position;
}

/* Read all records. */
void chelu_read_records(chelu_records *given) {
    chelu_records r = *given; /* which nobody else can write: the compiler keeps what it holds */
    for (int64_t row = 0; row < r.rows; row++) {
        r.limit = r.stop[row];
        r.is_bad = 0;
        if (r.count) r.heads[COUNT] = (uint64_t)r.count[row];
        r.groups[0].count = row + 1;
        r.end[row] = read_record(&r, 0, r.step_count, r.start[row], row);
        r.bad[row] = r.is_bad != 0;
    }
}
