/* Which legs of two futures sweep ground that the other sweeps, too (chelu/motion/passage.py, which does the same with numpy and says
 * why; the tests hold the two equal). Called through ctypes.
 */

#include <math.h>
#include <stdint.h>

enum { MOST_STEPS = 256 }; /* of a future; passage_native.py asks for no more */

typedef struct {
    const double *xy[2], *heading_deg[2], *size_m[2]; /* sides a and b: (p, s, 2), (p, s), (p, 2) */
    const int64_t *last;                              /* (p,): legs beyond are not looked at */
    int64_t *enter[2], *leave[2];                     /* (p,), written: first and last leg of each side, s − 1 and −1 for none */
    int64_t pairs, steps;
} chelu_passages;

/* What one leg sweeps: a rectangle by its middle, direction and halves. */
typedef struct {
    double east, north, sine, cosine, length, width, reach;
} leg_t;

static void read_legs(const chelu_passages *s, int side, int64_t pair, int64_t count, leg_t *legs) {
    const double *xy = s->xy[side] + 2 * pair * s->steps, *heading = s->heading_deg[side] + pair * s->steps;
    const double *size = s->size_m[side] + 2 * pair;
    for (int64_t k = 0; k < count; k++) {
        const double east = xy[2 * k + 2] - xy[2 * k], north = xy[2 * k + 3] - xy[2 * k + 1];
        const double change = heading[k + 1] - heading[k];
        const double middle = (heading[k] + (change - 360.0 * rint(change / 360.0)) / 2.0) * (3.14159265358979323846 / 180.0);
        leg_t *leg = legs + k;
        leg->east = (xy[2 * k + 2] + xy[2 * k]) / 2.0, leg->north = (xy[2 * k + 3] + xy[2 * k + 1]) / 2.0;
        leg->sine = sin(middle), leg->cosine = cos(middle);
        leg->length = (size[0] + hypot(east, north)) / 2.0, leg->width = size[1] / 2.0;
        leg->reach = hypot(leg->length, leg->width);
    }
}

static inline int do_overlap(const leg_t *a, const leg_t *b) {
    const double east = b->east - a->east, north = b->north - a->north, reach = a->reach + b->reach;
    if (east * east + north * north > reach * reach) return 0;
    const double cosine = fabs(a->cosine * b->cosine + a->sine * b->sine), sine = fabs(b->sine * a->cosine - b->cosine * a->sine);
    return fabs(east * a->sine + north * a->cosine) <= a->length + b->length * cosine + b->width * sine &&
           fabs(east * a->cosine - north * a->sine) <= a->width + b->length * sine + b->width * cosine &&
           fabs(east * b->sine + north * b->cosine) <= b->length + a->length * cosine + a->width * sine &&
           fabs(east * b->cosine - north * b->sine) <= b->width + a->length * sine + a->width * cosine;
}

/* All pairs. */
void chelu_pass(const chelu_passages *s) {
    leg_t a[MOST_STEPS], b[MOST_STEPS];
    for (int64_t pair = 0; pair < s->pairs; pair++) {
        const int64_t legs = s->steps - 1, wanted = s->last[pair] + 1;
        const int64_t count = wanted < 0 ? 0 : wanted < legs ? wanted : legs;
        int64_t enter_a = legs, leave_a = -1, enter_b = legs, leave_b = -1;
        read_legs(s, 0, pair, count, a), read_legs(s, 1, pair, count, b);
        for (int64_t i = 0; i < count; i++)
            for (int64_t j = 0; j < count; j++)
                if (do_overlap(a + i, b + j)) {
                    if (i < enter_a) enter_a = i;
                    if (i > leave_a) leave_a = i;
                    if (j < enter_b) enter_b = j;
                    if (j > leave_b) leave_b = j;
                }
        s->enter[0][pair] = enter_a, s->leave[0][pair] = leave_a;
        s->enter[1][pair] = enter_b, s->leave[1][pair] = leave_b;
    }
}
