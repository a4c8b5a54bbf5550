/* Whether, when and how likely moving footprints meet: the legs of all pairs in one pass, without a table of them.
 *
 * Called through ctypes (chelu/motion/sweep_native.py). chelu/motion/sweep.py does the same with numpy and says why; the tests hold
 * the two equal. Pairs are rows of tracks, so that nothing is copied for each pair.
 */

#include <math.h>
#include <stdint.h>

static const double FAR_SIGMA = 1.0, SWING_M = 0.3, LEAST_SIGMA_M = 0.01, ALIKE = 1e-9; /* as in sweep.py */
static const double RADIANS = 3.14159265358979323846 / 180.0;

enum { MOST_STEPS = 256 }; /* of a future, so that a pair's chances fit on the stack; sweep_native.py asks for no more */

typedef struct {
    const double *xy, *heading_deg, *size_m, *along_m, *across_m; /* of tracks: (m, s, 2), (m, s), (m, 2), (m, s), (m, s) */
    const int64_t *a, *b;                                         /* rows of tracks, (p,) */
    double *first_s, *probability, *likeliest_s;                  /* (p,), written */
    int64_t pairs, steps;
    double step_s;
} chelu_meetings;

/* The chances of one pair's legs so far, in order; those that cannot be the largest are left out. */
typedef struct {
    double chance[MOST_STEPS], time_s[MOST_STEPS], best;
    int64_t count;
} chances_t;

/* One side of a pair on one leg: its heading's sine and cosine, for which they hold, and how far a corner swings. */
typedef struct {
    const double *xy, *heading, *along, *across;
    double length, width, half_diagonal; /* halves */
    double begin, turn, sine, cosine, swing;
} side_t;

/* Φ(x) within 1e-7 (Abramowitz & Stegun 1964, 7.1.26). */
static inline double normal_cdf(double x) {
    const double z = fabs(x) / 1.4142135623730951, t = 1.0 / (1.0 + 0.3275911 * z);
    const double series =
        t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    const double tail = 0.5 * series * exp(-z * z);
    return x < 0 ? tail : 1.0 - tail;
}

static side_t side_of(const chelu_meetings *m, int64_t row) {
    const int64_t first = row * m->steps;
    const double length = m->size_m[2 * row], width = m->size_m[2 * row + 1];
    return (side_t){
        .xy = m->xy + 2 * first, .heading = m->heading_deg + first, .along = m->along_m + first, .across = m->across_m + first,
        .length = length / 2.0, .width = width / 2.0, .half_diagonal = hypot(length, width) / 2.0, .begin = NAN, .turn = NAN};
}

static inline double last_variance(const side_t *side, int64_t steps) {
    return side->along[steps - 1] * side->along[steps - 1] + side->across[steps - 1] * side->across[steps - 1];
}

/* The heading in the middle of a leg; on straight ways it is the one of the leg before. */
static inline void turn_to(side_t *side, int64_t leg) {
    const double begin = side->heading[leg], change = side->heading[leg + 1] - begin, turn = change - 360.0 * rint(change / 360.0);
    if (begin == side->begin && turn == side->turn) return;
    const double middle = (begin + turn / 2.0) * RADIANS;
    side->begin = begin, side->turn = turn;
    side->sine = sin(middle), side->cosine = cos(middle);
    side->swing = side->half_diagonal * (fabs(turn) / 2.0 * RADIANS);
}

/* The part of a leg during which the shadows on one axis meet: |distance + speed·t| ≤ reach. */
static inline void shadow(double distance, double speed, double reach, double *enter, double *leave) {
    double start, stop;
    if (fabs(speed) > 1e-12) {
        const double one = (-reach - distance) / speed, two = (reach - distance) / speed;
        start = one < two ? one : two, stop = one < two ? two : one;
    } else {
        start = fabs(distance) <= reach ? -INFINITY : INFINITY, stop = -start;
    }
    if (start > *enter) *enter = start;
    if (stop < *leave) *leave = stop;
}

/* One leg that comes near: the contact, if it is the first, and its chance, if it may be the largest. */
static void look_at(const chelu_meetings *m, int64_t pair, int64_t leg, side_t *a, side_t *b, const double start[2],
                    const double move[2], double closest, chances_t *found) {
    turn_to(a, leg), turn_to(b, leg);
    const double cosine = fabs(a->cosine * b->cosine + a->sine * b->sine), sine = fabs(b->sine * a->cosine - b->cosine * a->sine);
    const double swing = a->swing + b->swing;
    const double axes[4][2] = {{a->sine, a->cosine}, {a->cosine, -a->sine}, {b->sine, b->cosine}, {b->cosine, -b->sine}};
    const double reach[4] = {
        a->length + b->length * cosine + b->width * sine + swing, a->width + b->length * sine + b->width * cosine + swing,
        b->length + a->length * cosine + a->width * sine + swing, b->width + a->length * sine + a->width * cosine + swing};
    double enter = 0.0, leave = 1.0;
    for (int k = 0; k < 4; k++)
        shadow(start[0] * axes[k][0] + start[1] * axes[k][1], move[0] * axes[k][0] + move[1] * axes[k][1], reach[k], &enter, &leave);
    const int is_hit = enter <= leave;
    if (is_hit && isinf(m->first_s[pair])) m->first_s[pair] = ((double)leg + enter) * m->step_s;
    const double share = is_hit ? (enter + leave) / 2.0 : closest;
    const double place[2] = {start[0] + share * move[0], start[1] + share * move[1]};
    const double ahead_a = a->along[leg + 1] * a->along[leg + 1], aside_a = a->across[leg + 1] * a->across[leg + 1];
    const double ahead_b = b->along[leg + 1] * b->along[leg + 1], aside_b = b->across[leg + 1] * b->across[leg + 1];
    const double along = cosine * cosine, across = sine * sine;
    const double variances[4] = {
        ahead_a + ahead_b * along + aside_b * across, aside_a + ahead_b * across + aside_b * along,
        ahead_b + ahead_a * along + aside_a * across, aside_b + ahead_a * across + aside_a * along};
    double chance = 1.0;
    for (int k = 0; k < 4; k++) {
        const double root = sqrt(variances[k]), sigma = root > LEAST_SIGMA_M ? root : LEAST_SIGMA_M;
        const double away = fabs(place[0] * axes[k][0] + place[1] * axes[k][1]);
        const double here = normal_cdf((reach[k] - away) / sigma) - normal_cdf((-reach[k] - away) / sigma);
        if (here < chance) chance = here;
        if (chance < found->best - ALIKE) return; /* it only falls */
    }
    if (chance > found->best) found->best = chance;
    found->chance[found->count] = chance;
    found->time_s[found->count++] = ((double)leg + share) * m->step_s;
}

/* All pairs. */
void chelu_meet(const chelu_meetings *m) {
    for (int64_t pair = 0; pair < m->pairs; pair++) {
        side_t a = side_of(m, m->a[pair]), b = side_of(m, m->b[pair]);
        const double margin = FAR_SIGMA * sqrt(last_variance(&a, m->steps) + last_variance(&b, m->steps));
        const double reach = a.half_diagonal + b.half_diagonal + margin + SWING_M, square = reach * reach;
        chances_t found;
        found.best = 0.0, found.count = 0;
        m->first_s[pair] = m->likeliest_s[pair] = INFINITY;
        double east = b.xy[0] - a.xy[0], north = b.xy[1] - a.xy[1];
        for (int64_t leg = 0; leg < m->steps - 1; leg++) {
            const double east_then = b.xy[2 * leg + 2] - a.xy[2 * leg + 2], north_then = b.xy[2 * leg + 3] - a.xy[2 * leg + 3];
            const double move[2] = {east_then - east, north_then - north}, start[2] = {east, north};
            const double way = move[0] * move[0] + move[1] * move[1], towards = -(east * move[0] + north * move[1]);
            const double least = way > 1e-12 ? way : 1e-12; /* who goes side by side comes no nearer */
            const double share = towards <= 0 ? 0.0 : towards >= least ? 1.0 : towards / least;
            const double nearest_east = east + share * move[0], nearest_north = north + share * move[1];
            if (nearest_east * nearest_east + nearest_north * nearest_north <= square)
                look_at(m, pair, leg, &a, &b, start, move, share, &found);
            east = east_then, north = north_then;
        }
        m->probability[pair] = found.best;
        for (int64_t k = found.count - 1; k >= 0; k--)
            if (found.chance[k] >= found.best - ALIKE) m->likeliest_s[pair] = found.time_s[k];
    }
}
