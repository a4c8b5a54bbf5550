/* What numpy cannot do fast: find the packets of an MQTT stream and write their columns, in one pass.
 *
 * Called through ctypes (chelu/bus/wire_native.py), which lets go of Python's lock meanwhile. No function allocates, keeps anything
 * between calls, or reads a byte at or behind `end`. Whatever is rare is noted and left to Python, which has one way for it.
 * chelu/bus/wire_plain.py does the same with numpy, and the tests hold the two equal.
 */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "topics are compared as little-endian words"
#endif

enum { LONGEST_WORDS = 12 };  /* of a topic; chelu.bus.topic_table holds words[number][LONGEST_WORDS] and as many keys and one */
enum { SHORT_BYTES = 32 };    /* a topic of four words, as most are */
enum { PUBLISH = 3, MQTT_5 = 5 };
enum { SEQUENCE_HEAD = 8, MOST_DIGITS = 19 };  /* one user property "seq": its bytes before the digits */

/* Why chelu_read returned: the stream's end; a list is full; the packet at `position` is not allowed. */
enum { AT_END = 0, LIST_FULL = 1, NOT_ALLOWED = 2 };

enum { LITTLE = 1 << 16 };  /* bytes of one reading: chelu.bus.link rests when it brought fewer */
enum { MAY_BE_MORE = 0, NOTHING = 1, HUNG_UP = 2 };

typedef struct {
    /* the stream: data[position .. end) is to be read; most: largest remaining length to be taken */
    uint8_t *data;
    int64_t position, end, most;
    int64_t needed;  /* bytes of the packet that stands at `position`, as far as is known */
    int64_t version;
    /* the table of topics: slots (1 << bits) hold numbers, −1 where empty */
    const uint64_t *keys, *words;
    const int64_t *lengths;
    const int32_t *slots;
    int64_t bits;
    /* columns, `count` of at most `room` rows */
    int64_t *start, *stop, *sequence;
    int32_t *topic;
    uint16_t *packet_id;
    uint8_t *qos, *retained;
    int64_t count, room;
    /* for Python, at most list_room of each, three numbers long: packets that are no PUBLISH (begin, body, stop); rows with other properties (row,
     * begin of the packet); rows whose topic is not in the table (row, begin of the topic, its length) */
    int64_t *others, *odd, *strange;
    int64_t other_count, odd_count, strange_count, list_room;
} chelu_stream;

static inline uint64_t word_at(const uint8_t *from) {
    uint64_t word;
    memcpy(&word, from, 8);
    return word;
}

static inline uint64_t mixed(uint64_t word, uint64_t key) { return (word ^ (word >> 32)) * key; }

/* Whether topic `number` is these words (zero beyond its end) and this long. */
static inline int is_topic(const chelu_stream *s, int32_t number, const uint64_t *words, int64_t count, int64_t length) {
    const uint64_t *known = s->words + (int64_t)number * LONGEST_WORDS;
    uint64_t differs = (uint64_t)(s->lengths[number] ^ length);
    for (int64_t k = 0; k < count; k++) differs |= known[k] ^ words[k];
    return !differs;
}

/* The number of the topic with this hash, −1 if it is new. Inlined with a constant count, there is no loop over words. */
static inline int32_t find_words(const chelu_stream *s, uint64_t hash, const uint64_t *words, int64_t count, int64_t length) {
    const uint64_t mask = (UINT64_C(1) << s->bits) - 1;
    for (uint64_t slot = hash >> (64 - s->bits);; slot = (slot + 1) & mask) {
        const int32_t number = s->slots[slot];
        if (number < 0 || is_topic(s, number, words, count, length)) return number;
    }
}

/* A topic of at most SHORT_BYTES with as many bytes to be read: without a loop, a third faster than the other way. */
static inline int32_t find_short(const chelu_stream *s, const uint8_t *topic, int64_t length) {
    static const uint8_t masks[2 * SHORT_BYTES] = {
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};  /* and as many of 0 */
    const uint8_t *mask = masks + SHORT_BYTES - length;
    const uint64_t words[4] = {
        word_at(topic) & word_at(mask),
        word_at(topic + 8) & word_at(mask + 8),
        word_at(topic + 16) & word_at(mask + 16),
        word_at(topic + 24) & word_at(mask + 24),
    };
    const uint64_t *keys = s->keys;
    const uint64_t hash = (uint64_t)length * keys[LONGEST_WORDS] + mixed(words[0], keys[0]) + mixed(words[1], keys[1]) +
                          mixed(words[2], keys[2]) + mixed(words[3], keys[3]);
    return find_words(s, hash, words, 4, length);
}

/* A topic of at most LONGEST_WORDS words, of which no byte behind it is read. */
static int32_t find_long(const chelu_stream *s, const uint8_t *topic, int64_t length) {
    uint64_t words[LONGEST_WORDS] = {0}, hash = (uint64_t)length * s->keys[LONGEST_WORDS];
    const int64_t count = (length + 7) >> 3;
    memcpy(words, topic, (size_t)length);
    for (int64_t k = 0; k < count; k++) hash += mixed(words[k], s->keys[k]);
    return find_words(s, hash, words, count, length);
}

/* The number of a topic, −1 if it is new or too long for the table. */
static inline int32_t find_topic(const chelu_stream *s, int64_t begin, int64_t length) {
    const uint8_t *topic = s->data + begin;
    if (length <= SHORT_BYTES && s->end - begin >= SHORT_BYTES) return find_short(s, topic, length);
    return length <= 8 * LONGEST_WORDS ? find_long(s, topic, length) : -1;
}

/* Whether the properties at `place` are none or one sequence number; then where the payload begins, and the number (−1: none). */
static inline int read_properties(const uint8_t *place, const uint8_t *stop, const uint8_t **payload, int64_t *sequence) {
    *payload = place;
    *sequence = -1;
    if (place >= stop) return 0;
    const int64_t size = *place++;
    if (!size) {
        *payload = place;
        return 1;
    }
    const int64_t digits = size - SEQUENCE_HEAD;
    if (digits < 1 || digits > MOST_DIGITS || stop - place < size) return 0;
    if (memcmp(place, "\x26\0\3seq\0", 7) != 0 || place[7] != digits) return 0;
    uint64_t number = 0;
    for (int64_t k = 0; k < digits; k++) {
        const uint8_t digit = (uint8_t)(place[SEQUENCE_HEAD + k] - '0');
        if (digit > 9) return 0;
        number = number * 10 + digit;
    }
    *sequence = number > INT64_MAX ? INT64_MAX : (int64_t)number;
    *payload = place + size;
    return 1;
}

/* One PUBLISH → row `count`; whether it is allowed. */
static inline int read_publish(chelu_stream *s, int64_t begin, int64_t body, int64_t stop) {
    const uint8_t *data = s->data;
    const int64_t row = s->count;
    const uint8_t first = data[begin], qos = first >> 1 & 3;
    if (qos > 1 || stop - body < 2) return 0;
    const int64_t length = (int64_t)data[body] << 8 | data[body + 1];
    int64_t place = body + 2 + length;
    uint16_t packet_id = 0;
    if (!length || place + 2 * qos > stop) return 0;
    if (qos) {
        packet_id = (uint16_t)(data[place] << 8 | data[place + 1]);
        if (!packet_id) return 0;
        place += 2;
    }
    int64_t sequence = -1;
    if (s->version == MQTT_5) {
        const uint8_t *payload;
        if (!read_properties(data + place, data + stop, &payload, &sequence)) {
            int64_t *odd = s->odd + 3 * s->odd_count++;
            odd[0] = row, odd[1] = begin;
        }
        place = payload - data;
    }
    const int32_t topic = find_topic(s, body + 2, length);
    if (topic < 0) {
        int64_t *strange = s->strange + 3 * s->strange_count++;
        strange[0] = row, strange[1] = body + 2, strange[2] = length;
    }
    s->start[row] = place;
    s->stop[row] = stop;
    s->sequence[row] = sequence;
    s->topic[row] = topic;
    s->packet_id[row] = packet_id;
    s->qos[row] = qos;
    s->retained[row] = first & 1;
    s->count = row + 1;
    return 1;
}

/* Read whole packets from `position` on; moves `position` behind what was read. */
int chelu_read(chelu_stream *s) {
    const uint8_t *data = s->data;
    const int64_t end = s->end;
    int64_t position = s->position;
    s->needed = 0;
    while (position < end - 1) {
        int64_t size = data[position + 1], body = position + 2;
        if (size > 127) {
            int shift = 7;
            for (size &= 127; shift < 28; shift += 7) {
                if (body >= end) return AT_END;
                const uint8_t byte = data[body++];
                size |= (int64_t)(byte & 127) << shift;
                if (byte < 128) break;
            }
            if (shift == 28 || size > s->most) return NOT_ALLOWED;
        }
        const int64_t stop = body + size;
        if (stop > end) {
            s->needed = stop - position;
            return AT_END;
        }
        if (s->count == s->room || s->other_count == s->list_room || s->odd_count == s->list_room ||
            s->strange_count == s->list_room)
            return LIST_FULL;
        if (data[position] >> 4 == PUBLISH) {
            if (!read_publish(s, position, body, stop)) {
                s->needed = stop - position;
                return NOT_ALLOWED;
            }
        } else {
            int64_t *other = s->others + 3 * s->other_count++;
            other[0] = position, other[1] = body, other[2] = stop;
        }
        s->position = position = stop;
    }
    return AT_END;
}

/* Acknowledge what was read now: a sender that gathers small writes (docs/decisions/010) lets go of them, and over the loopback they
 * are here when this returns. */
static int acknowledge(int socket) {
#ifdef TCP_QUICKACK
    const int yes = 1;
    return !setsockopt(socket, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof yes);
#else
    (void)socket;
    return 0;
#endif
}

/* Receive from a socket what is there, as far as `room`, without waiting; then as chelu_read. `*state`: whether there MAY_BE_MORE, is
 * NOTHING for now, the other side HUNG_UP, or −errno. To read each piece as it comes was slower: every return to the socket makes
 * the kernel do more of the sender's work here. When it was little, what the sender held back until we acknowledge comes along. */
int chelu_receive(chelu_stream *s, int socket, int64_t room, int *state) {
    const int64_t begin = s->end;
    int is_first = 1;
    while (s->end < room && *state == MAY_BE_MORE) {
        const ssize_t count = recv(socket, s->data + s->end, (size_t)(room - s->end), MSG_DONTWAIT);
        if (count > 0)
            s->end += count;
        else if (!count)
            *state = HUNG_UP;
        else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            const int is_little = s->end > begin && s->end - begin < LITTLE;
            if (!is_first || !is_little || !acknowledge(socket))
                *state = NOTHING;
            is_first = 0;
        } else if (errno != EINTR)
            *state = -errno;
    }
    return chelu_read(s);
}
