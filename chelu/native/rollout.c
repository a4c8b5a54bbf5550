/* What would come of plans at junctions (services/inference/city/signals/rollout.py, which does the same with numpy and says why; the
 * tests hold the two equal). Called through ctypes.
 */

#include <math.h>
#include <stdint.h>

enum { MOST_LANES = 64 }; /* of a junction; rollout_native.py asks for no more */
enum { CLOSED = 0, PERMISSIVE = 1 };

typedef struct {
    const double *arrived;                       /* (j, l, h) */
    const int64_t *movement, *open;              /* (j, l, v), (j, s, k) */
    const uint8_t *yields, *serves, *is_stage;   /* (j, k, k), (j, s, l), (j, s) */
    const double *least, *most, *change;         /* (j, s) */
    const int64_t *stage;                        /* (j,) */
    const double *green;                         /* (j,) */
    const int64_t *junction, *then;              /* (n,) */
    const double *hold;                          /* (n,) */
    double *lost, *stops, *left;                 /* (n,), (n,), (n, l), written */
    int64_t plans, stages, movements, lanes, seconds, vehicles, near;
    double saturation, starts, yellow, empty, gap, fades;
} chelu_rollout;

/* A plan under way. */
typedef struct {
    int64_t junction, stage, next;
    double age, changed, passed[MOST_LANES];
    int has_left;
} run_t;

/* The stage for which most wait, of those who do not pass in the one shown; how many. */
static double fullest(const chelu_rollout *r, const run_t *run, const double *waits, int64_t *best) {
    const uint8_t *serves = r->serves + run->junction * r->stages * r->lanes, *own = serves + run->stage * r->lanes;
    double most = -1.0;
    *best = 0;
    for (int64_t s = 0; s < r->stages; s++) {
        double sum = 0.0;
        if (!r->is_stage[run->junction * r->stages + s] || s == run->stage) continue;
        for (int64_t l = 0; l < r->lanes; l++)
            if (serves[s * r->lanes + l] && !own[l]) sum += waits[l];
        if (sum > most) most = sum, *best = s;
    }
    return most;
}

static void switch_stage(const chelu_rollout *r, run_t *run, int64_t plan, int64_t second, const double *waits, const double *soon,
                         const int *is_free) {
    const int64_t at = run->junction * r->stages + run->stage;
    if (run->age >= 0 && run->age >= r->least[at]) {
        const uint8_t *own = r->serves + at * r->lanes;
        double served = 0.0, coming = 0.0;
        int64_t best;
        for (int64_t l = 0; l < r->lanes; l++)
            if (own[l]) served += is_free[l] ? waits[l] : 0.0, coming += soon[l] - waits[l];
        const double most = fullest(r, run, waits, &best);
        const int is_done = served < r->empty && most >= r->empty && most > coming;
        if ((run->has_left ? is_done : (double)second >= r->hold[plan]) || run->age >= r->most[at]) {
            run->next = run->has_left ? best : r->then[plan];
            run->age = -r->change[at], run->changed = 0.0, run->has_left = 1;
        }
    }
    if (run->age >= 0) run->stage = run->next;
}

/* On which lanes the first one may drive in this second. */
static void flows(const chelu_rollout *r, const run_t *run, const double *soon, int *is_free) {
    const int64_t *open = r->open + run->junction * r->stages * r->movements;
    const uint8_t *yields = r->yields + run->junction * r->movements * r->movements;
    const int64_t *movement = r->movement + run->junction * r->lanes * r->vehicles;
    int64_t first[MOST_LANES];
    int is_open[MOST_LANES];
    for (int64_t l = 0; l < r->lanes; l++) {
        const int64_t passed = (int64_t)run->passed[l], place = passed < r->vehicles - 1 ? passed : r->vehicles - 1;
        first[l] = movement[l * r->vehicles + place];
        const int now = open[run->stage * r->movements + first[l]] > CLOSED, then = open[run->next * r->movements + first[l]] > CLOSED;
        is_open[l] = run->age < 0 ? now && (then || run->changed < r->yellow) : now && (run->age >= r->starts || run->changed > 1e6);
    }
    for (int64_t l = 0; l < r->lanes; l++) {
        is_free[l] = is_open[l];
        if (!is_open[l] || open[run->stage * r->movements + first[l]] != PERMISSIVE) continue;
        for (int64_t other = 0; other < r->lanes; other++)
            if (is_open[other] && soon[other] > r->gap && yields[first[l] * r->movements + first[other]]) is_free[l] = 0;
    }
}

/* All plans. */
void chelu_roll_out(const chelu_rollout *r) {
    for (int64_t plan = 0; plan < r->plans; plan++) {
        const int64_t j = r->junction[plan];
        const double *arrived = r->arrived + j * r->lanes * r->seconds;
        run_t run = {.junction = j, .stage = r->stage[j], .next = r->stage[j], .age = r->green[j], .changed = INFINITY};
        double lost = 0.0, stops = 0.0, waits[MOST_LANES], soon[MOST_LANES];
        int is_free[MOST_LANES]; /* in the last second */
        for (int64_t l = 0; l < r->lanes; l++) is_free[l] = 1;
        for (int64_t second = 0; second < r->seconds; second++) {
            const int64_t ahead = second + r->near < r->seconds - 1 ? second + r->near : r->seconds - 1;
            for (int64_t l = 0; l < r->lanes; l++) {
                waits[l] = arrived[l * r->seconds + second] - run.passed[l];
                soon[l] = arrived[l * r->seconds + ahead] - run.passed[l];
            }
            const double weight = exp(-(double)second / r->fades);
            switch_stage(r, &run, plan, second, waits, soon, is_free);
            flows(r, &run, soon, is_free);
            for (int64_t l = 0; l < r->lanes; l++) {
                const double *come = arrived + l * r->seconds + second, came = second ? come[0] - come[-1] : 0.0;
                if (waits[l] - came > 0.5 || !is_free[l]) stops += weight * came;
                if (is_free[l]) run.passed[l] += waits[l] < r->saturation ? waits[l] : r->saturation;
                lost += weight * (come[0] - run.passed[l]);
            }
            run.age += 1.0, run.changed += 1.0;
        }
        r->lost[plan] = lost, r->stops[plan] = stops;
        for (int64_t l = 0; l < r->lanes; l++) r->left[plan * r->lanes + l] = arrived[(l + 1) * r->seconds - 1] - run.passed[l];
    }
}
