/* Boxes that overlap, futures brought to one instant, and where two of them come closest: what is done for everybody in a picture.
 *
 * Called through ctypes (chelu/motion/neighbours.py and chelu/motion/instants.py, which have the same with numpy; the tests hold them equal).
 */

#include <math.h>
#include <stdint.h>

typedef struct {
    const double *low, *high;  /* corners of n boxes, (n, 2) */
    const uint8_t *flags;      /* (n,) */
    const int64_t *order;      /* entries: boxes by band, then by their lower edge east; a box is in each band that it touches */
    const int64_t *band, *first_band; /* of each entry; of each box, the lowest that it touches */
    int64_t *a, *b;            /* pairs found, at most `room` */
    int64_t entries, room, needed;
} chelu_boxes;

/* Pairs of boxes that overlap and whose flags together hold all that are needed: each once, in the higher of their first bands. Answers
 * how many, −1 when there is no room. */
int64_t chelu_meeting_boxes(const chelu_boxes *given) {
    const chelu_boxes s = *given;
    int64_t count = 0;
    for (int64_t i = 0; i < s.entries; i++) {
        const int64_t one = s.order[i], band = s.band[i];
        const double *low = s.low + 2 * one, *high = s.high + 2 * one;
        for (int64_t j = i + 1; j < s.entries && s.band[j] == band; j++) {
            const int64_t two = s.order[j];
            const double *its_low = s.low + 2 * two, *its_high = s.high + 2 * two;
            if (its_low[0] > high[0]) break;
            if (its_low[1] > high[1] || low[1] > its_high[1]) continue;
            if (((s.flags[one] | s.flags[two]) & s.needed) != s.needed) continue;
            const int64_t its_first = s.first_band[two], first = s.first_band[one];
            if ((first > its_first ? first : its_first) != band) continue;
            if (count == s.room) return -1;
            s.a[count] = one < two ? one : two, s.b[count++] = one < two ? two : one;
        }
    }
    return count;
}

typedef struct {
    const void *xy, *heading_deg; /* futures by slot: (capacity, steps, 2) and (capacity, steps), doubles or floats */
    const int64_t *slots, *whole; /* (m,): whose, and from which step on */
    const double *part;           /* (m,) of the step behind it */
    double *xy_then, *heading_then; /* (m, kept, 2), (m, kept), written */
    int64_t count, steps, kept, is_single;
} chelu_instants;

#define ALIGN(NAME, TYPE)                                                                                              \
    static void NAME(const chelu_instants *s) {                                                                        \
        for (int64_t row = 0; row < s->count; row++) {                                                                 \
            const int64_t from = s->slots[row] * s->steps + s->whole[row];                                             \
            const TYPE *xy = (const TYPE *)s->xy + 2 * from, *heading = (const TYPE *)s->heading_deg + from;           \
            const double part = s->part[row];                                                                          \
            double *there = s->xy_then + 2 * row * s->kept, *then = s->heading_then + row * s->kept;                   \
            for (int64_t k = 0; k < 2 * s->kept; k++) there[k] = xy[k] + part * ((double)xy[k + 2] - (double)xy[k]);   \
            for (int64_t k = 0; k < s->kept; k++) {                                                                    \
                const double turn = (double)heading[k + 1] - (double)heading[k];                                       \
                then[k] = heading[k] + part * (fabs(turn) < 180.0 ? turn : turn - 360.0 * rint(turn / 360.0));         \
            }                                                                                                          \
        }                                                                                                              \
    }

ALIGN(align_doubles, double)
ALIGN(align_floats, float)

/* All futures from their own instants to one. */
void chelu_align(const chelu_instants *s) {
    if (s->is_single)
        align_floats(s);
    else
        align_doubles(s);
}

/* The step (p,) at which tracks a and b of xy (m, steps, 2) are nearest, the first of equals. */
void chelu_closest(const double *xy, const int64_t *a, const int64_t *b, int64_t *step, int64_t pairs, int64_t steps) {
    for (int64_t pair = 0; pair < pairs; pair++) {
        const double *one = xy + 2 * steps * a[pair], *two = xy + 2 * steps * b[pair];
        double least = INFINITY;
        step[pair] = 0;
        for (int64_t k = 0; k < steps; k++) {
            const double east = one[2 * k] - two[2 * k], north = one[2 * k + 1] - two[2 * k + 1];
            const double square = east * east + north * north;
            if (square < least) least = square, step[pair] = k;
        }
    }
}
