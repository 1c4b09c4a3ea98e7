/*
 * QEMU TCG plugin: which blocks of instructions ran after which, how often, where loads and stores went, and what
 * missed in caches in front of the flash. It knows nothing of timing: trace.py reads what it writes.
 *
 * Arguments, each NAME=VALUE:
 *   out       the file to write when the emulator ends
 *   entry     count between a call of the function at this address and its return; all if it is not given
 *   call      only this call of it, from 0 on; all if it is not given
 *   flash     START:END of the memory behind the caches; may be given several times
 *   owners    file of lines START END NUMBER, sorted: constants and whose they are. What runs belongs to the owner
 * whose constants were read last, -1 before the first memory    caches of one part, as CODE or CODE/DATA, or CODE/=
 * where data go through the code's cache; each cache is LINES:LINE_BYTES:SECTOR_BYTES:WAYS:REPLACEMENT, with 0 ways
 * where a line may lie anywhere, and replacement 0 of the line that was not used for longest, 1 by chance. A line has
 * sectors, read one at a time. May be given several times: all parts see the same run
 *
 * Interface QEMU's plugin interface of version 1 (QEMU 6.0 to 8.x). The declarations are our own: no header is needed.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*at_exit_fn)(plugin_id id, void *data);
typedef void (*translated_fn)(plugin_id id, struct qemu_plugin_tb *tb);
typedef void (*executed_fn)(unsigned int cpu, void *data);
typedef void (*accessed_fn)(unsigned int cpu, uint32_t info, uint64_t address, void *data);
enum { NO_REGISTERS = 0, READ_AND_WRITE = 3 };
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, translated_fn fn);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, executed_fn fn, int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, accessed_fn fn, int flags, int rw, void *data);
void qemu_plugin_register_atexit_cb(plugin_id id, at_exit_fn fn, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
unsigned int qemu_plugin_mem_size_shift(uint32_t info);
bool qemu_plugin_mem_is_store(uint32_t info);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

#define MAX_MEMORIES 12
#define MAX_RANGES 4
#define TABLE_BITS 16

typedef struct {
    uint32_t n_sets, ways, line_shift, sector_shift, chance;
    bool random;
    uint32_t *tag;   /* [n_sets][ways]; line number + 1, 0: empty */
    uint32_t *valid; /* a bit for each sector */
    uint64_t *age, clock;
} cache_t;

typedef struct {
    cache_t code, data;
    bool has_data, is_unified;
} memory_t;

typedef struct {
    uint32_t start, end;
    int number;
} range_t;

typedef struct edge {
    struct block *from; /* NULL: the first */
    uint64_t count;
    struct edge *next;
} edge_t;

/* A block as one owner ran it. */
typedef struct visit {
    int owner;
    uint64_t count;
    uint64_t miss_jump[MAX_MEMORIES]; /* sectors not there: the first after a jump, */
    uint64_t miss_next[MAX_MEMORIES]; /* and those that follow in sequence */
    edge_t *edges;
    struct visit *next;
} visit_t;

typedef struct block {
    uint32_t start, end;
    visit_t *visits;
    struct block *next;
} block_t;

/* Loads or stores of one instruction for one owner. */
typedef struct access {
    int owner;
    uint32_t unit; /* bytes of one access */
    bool store;
    uint64_t n, unaligned, flash;
    uint64_t misses[MAX_MEMORIES];
    struct access *next;
} access_t;

typedef struct site {
    uint32_t address;
    access_t *accesses;
    struct site *next;
} site_t;

static block_t *blocks[1u << TABLE_BITS];
static site_t *sites[1u << TABLE_BITS];
static block_t *previous;
static memory_t memories[MAX_MEMORIES];
static unsigned n_memories, n_flash;
static range_t flash[MAX_RANGES];
static range_t *owners;
static size_t n_owners;
static int owner = -1;
static bool counting = true, everything = true;
static uint32_t entry, return_address;
static long wanted = -1, calls;
static const char *out_path;

static void *make(size_t n, size_t bytes) {
    void *const memory = calloc(n, bytes);
    if (memory == NULL) {
        fprintf(stderr, "trace plugin: out of memory\n");
        exit(1);
    }
    return memory;
}

static uint32_t log2_of(uint32_t bytes) {
    uint32_t shift = 0;
    while ((1u << shift) < bytes) {
        shift++;
    }
    return shift;
}

static bool cache_init(cache_t *cache, const char *text) {
    unsigned lines, line_bytes, sector_bytes, ways, random;
    if (sscanf(text, "%u:%u:%u:%u:%u", &lines, &line_bytes, &sector_bytes, &ways, &random) != 5 || lines == 0) {
        return false;
    }
    cache->ways = ways == 0 ? lines : ways;
    cache->n_sets = lines / cache->ways;
    cache->line_shift = log2_of(line_bytes);
    cache->sector_shift = log2_of(sector_bytes);
    cache->random = random != 0;
    cache->chance = 1;
    cache->tag = make(lines, sizeof *cache->tag);
    cache->valid = make(lines, sizeof *cache->valid);
    cache->age = make(lines, sizeof *cache->age);
    return cache->n_sets * cache->ways == lines && line_bytes / sector_bytes <= 32;
}

/* Whether the sector of an address was there; it is afterwards. */
static bool cache_touch(cache_t *cache, uint32_t address) {
    const uint32_t line = address >> cache->line_shift;
    const uint32_t sector = 1u << ((address & ((1u << cache->line_shift) - 1u)) >> cache->sector_shift);
    const uint32_t first = line % cache->n_sets * cache->ways;
    uint32_t place = first;
    bool hit;
    cache->clock++;
    for (uint32_t i = first; i < first + cache->ways; i++) {
        if (cache->tag[i] == line + 1u) {
            place = i;
            break;
        }
        if (cache->age[i] < cache->age[place]) {
            place = i;
        }
    }
    if (cache->tag[place] != line + 1u) {
        if (cache->random && cache->tag[place] != 0) { /* no place is empty */
            cache->chance = cache->chance * 1664525u + 1013904223u;
            place = first + (cache->chance >> 16) % cache->ways;
        }
        cache->tag[place] = line + 1u;
        cache->valid[place] = 0;
    }
    hit = (cache->valid[place] & sector) != 0;
    cache->valid[place] |= sector;
    cache->age[place] = cache->clock;
    return hit;
}

static bool is_flash(uint32_t address) {
    for (unsigned i = 0; i < n_flash; i++) {
        if (address >= flash[i].start && address < flash[i].end) {
            return true;
        }
    }
    return false;
}

/* Goes on with the owner of a constant, if it has one. */
static void find_owner(uint32_t address) {
    static const range_t *last;
    size_t low = 0, high = n_owners;
    if (last != NULL && address >= last->start && address < last->end) {
        owner = last->number;
        return;
    }
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (address >= owners[middle].end) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < n_owners && address >= owners[low].start) {
        last = &owners[low];
        owner = last->number;
    }
}

static visit_t *visit_of(block_t *block) {
    visit_t *visit = block->visits, **link = &block->visits;
    while (visit != NULL && visit->owner != owner) {
        link = &visit->next;
        visit = visit->next;
    }
    if (visit == NULL) {
        visit = make(1, sizeof *visit);
        visit->owner = owner;
    } else {
        *link = visit->next;
    }
    if (visit != block->visits) { /* to the front */
        visit->next = block->visits;
        block->visits = visit;
    }
    return visit;
}

static void count_edge(visit_t *visit, block_t *from) {
    edge_t *edge = visit->edges, **link = &visit->edges;
    while (edge != NULL && edge->from != from) {
        link = &edge->next;
        edge = edge->next;
    }
    if (edge == NULL) {
        edge = make(1, sizeof *edge);
        edge->from = from;
    } else {
        *link = edge->next;
    }
    edge->next = visit->edges;
    visit->edges = edge;
    edge->count++;
}

static void fetch(visit_t *visit, const block_t *block) {
    const bool is_jump = previous == NULL || previous->end != block->start;
    for (unsigned i = 0; i < n_memories; i++) {
        cache_t *const cache = &memories[i].code;
        const uint32_t last = (block->end - 1u) >> cache->sector_shift;
        bool first = is_jump;
        for (uint32_t at = block->start >> cache->sector_shift; at <= last; at++) {
            if (!cache_touch(cache, at << cache->sector_shift)) {
                *(first ? &visit->miss_jump[i] : &visit->miss_next[i]) += 1u;
            }
            first = false;
        }
    }
}

static void on_block(unsigned int cpu, void *data) {
    block_t *const block = data;
    visit_t *visit;
    (void)cpu;
    if (!everything) {
        if (!counting && block->start == entry && previous != NULL) {
            counting = wanted < 0 || calls == wanted;
            calls++;
            return_address = previous->end;
            if (counting) {
                previous = NULL;
            }
        } else if (counting && block->start == return_address) {
            counting = false;
        }
        if (!counting) {
            previous = block;
            return;
        }
    }
    visit = visit_of(block);
    visit->count++;
    count_edge(visit, previous);
    if (is_flash(block->start)) {
        fetch(visit, block);
    }
    previous = block;
}

static access_t *access_of(site_t *site) {
    access_t *access = site->accesses, **link = &site->accesses;
    while (access != NULL && access->owner != owner) {
        link = &access->next;
        access = access->next;
    }
    if (access == NULL) {
        access = make(1, sizeof *access);
        access->owner = owner;
    } else {
        *link = access->next;
    }
    if (access != site->accesses) {
        access->next = site->accesses;
        site->accesses = access;
    }
    return access;
}

static void on_access(unsigned int cpu, uint32_t info, uint64_t wide_address, void *data) {
    const uint32_t address = (uint32_t)wide_address;
    const uint32_t bytes = 1u << qemu_plugin_mem_size_shift(info);
    access_t *access;
    (void)cpu;
    if (!counting) {
        return;
    }
    if (n_owners != 0) {
        find_owner(address);
    }
    access = access_of(data);
    access->n++;
    access->unit = bytes;
    access->store = qemu_plugin_mem_is_store(info);
    access->unaligned += (address & (bytes - 1u)) != 0;
    if (!is_flash(address)) {
        return;
    }
    access->flash++;
    for (unsigned i = 0; i < n_memories; i++) {
        memory_t *const memory = &memories[i];
        cache_t *const cache = memory->is_unified ? &memory->code : &memory->data;
        access->misses[i] += !((memory->has_data || memory->is_unified) && cache_touch(cache, address));
    }
}

static uint32_t slot_of(uint32_t address) {
    return address * 2654435761u >> (32 - TABLE_BITS);
}

static site_t *site_at(uint32_t address) {
    site_t **const slot = &sites[slot_of(address)];
    site_t *site = *slot;
    while (site != NULL && site->address != address) {
        site = site->next;
    }
    if (site == NULL) {
        site = make(1, sizeof *site);
        site->address = address;
        site->next = *slot;
        *slot = site;
    }
    return site;
}

/* Not qemu_plugin_insn_size(): before the end of a page QEMU looks at the next instruction and counts its bytes too. */
static uint32_t thumb_bytes(const struct qemu_plugin_insn *insn) {
    const uint8_t *const code = qemu_plugin_insn_data(insn);
    return code[1] >= 0xE8u ? 4u : 2u;
}

static void on_translation(plugin_id id, struct qemu_plugin_tb *tb) {
    const size_t n = qemu_plugin_tb_n_insns(tb);
    const struct qemu_plugin_insn *const last = qemu_plugin_tb_get_insn(tb, n - 1u);
    const uint32_t start = (uint32_t)qemu_plugin_tb_vaddr(tb);
    const uint32_t end = (uint32_t)qemu_plugin_insn_vaddr(last) + thumb_bytes(last);
    block_t **const slot = &blocks[slot_of(start)];
    block_t *block = *slot;
    (void)id;
    while (block != NULL && (block->start != start || block->end != end)) { /* code may be translated again */
        block = block->next;
    }
    if (block == NULL) {
        block = make(1, sizeof *block);
        block->start = start;
        block->end = end;
        block->next = *slot;
        *slot = block;
    }
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, NO_REGISTERS, block);
    for (size_t i = 0; i < n; i++) {
        struct qemu_plugin_insn *const insn = qemu_plugin_tb_get_insn(tb, i);
        site_t *const site = site_at((uint32_t)qemu_plugin_insn_vaddr(insn));
        qemu_plugin_register_vcpu_mem_cb(insn, on_access, NO_REGISTERS, READ_AND_WRITE, site);
    }
}

static void write_block(FILE *out, const block_t *block) {
    for (const visit_t *visit = block->visits; visit != NULL; visit = visit->next) {
        fprintf(out, "b %x %x %d %" PRIu64, block->start, block->end, visit->owner, visit->count);
        for (unsigned i = 0; i < n_memories; i++) {
            fprintf(out, " %" PRIu64 " %" PRIu64, visit->miss_jump[i], visit->miss_next[i]);
        }
        fprintf(out, "\n");
        for (const edge_t *edge = visit->edges; edge != NULL; edge = edge->next) {
            const block_t *const from = edge->from;
            fprintf(out, "e %x %x %" PRIu64 "\n", from ? from->start : 0u, from ? from->end : 0u, edge->count);
        }
    }
}

static void write_site(FILE *out, const site_t *site) {
    for (const access_t *access = site->accesses; access != NULL; access = access->next) {
        fprintf(out, "m %x %d %u %d %" PRIu64 " %" PRIu64 " %" PRIu64, site->address, access->owner, access->unit,
                access->store, access->n, access->unaligned, access->flash);
        for (unsigned i = 0; i < n_memories; i++) {
            fprintf(out, " %" PRIu64, access->misses[i]);
        }
        fprintf(out, "\n");
    }
}

static void on_exit_(plugin_id id, void *data) {
    FILE *const out = fopen(out_path, "w");
    (void)id;
    (void)data;
    if (out == NULL) {
        perror(out_path);
        return;
    }
    fprintf(out, "calls %ld memories %u\n", calls, n_memories);
    for (size_t slot = 0; slot < (size_t)1 << TABLE_BITS; slot++) {
        for (const block_t *block = blocks[slot]; block != NULL; block = block->next) {
            write_block(out, block);
        }
        for (const site_t *site = sites[slot]; site != NULL; site = site->next) {
            write_site(out, site);
        }
    }
    fprintf(out, "end\n");
    fclose(out);
}

static bool add_memory(const char *text) {
    memory_t *const memory = &memories[n_memories];
    const char *const data = strchr(text, '/');
    if (n_memories == MAX_MEMORIES || !cache_init(&memory->code, text)) {
        return false;
    }
    n_memories++;
    if (data != NULL) {
        memory->is_unified = data[1] == '=';
        memory->has_data = !memory->is_unified;
    }
    return !memory->has_data || cache_init(&memory->data, data + 1);
}

static bool add_flash(const char *text) {
    range_t *const range = &flash[n_flash];
    if (n_flash == MAX_RANGES || sscanf(text, "%" SCNx32 ":%" SCNx32, &range->start, &range->end) != 2) {
        return false;
    }
    n_flash++;
    return true;
}

static bool read_owners(const char *path) {
    FILE *const in = fopen(path, "r");
    range_t range;
    if (in == NULL) {
        return false;
    }
    while (fscanf(in, "%" SCNx32 " %" SCNx32 " %d", &range.start, &range.end, &range.number) == 3) {
        range_t *const more = realloc(owners, (n_owners + 1u) * sizeof *owners);
        if (more == NULL) {
            break;
        }
        owners = more;
        owners[n_owners++] = range;
    }
    fclose(in);
    return true;
}

static bool take(const char *name, const char *value) {
    if (strcmp(name, "out") == 0) {
        out_path = strdup(value);
    } else if (strcmp(name, "entry") == 0) {
        entry = (uint32_t)strtoul(value, NULL, 0) & ~1u;
        everything = counting = false;
    } else if (strcmp(name, "call") == 0) {
        wanted = strtol(value, NULL, 0);
    } else if (strcmp(name, "flash") == 0) {
        return add_flash(value);
    } else if (strcmp(name, "owners") == 0) {
        return read_owners(value);
    } else if (strcmp(name, "memory") == 0) {
        return add_memory(value);
    } else {
        return false;
    }
    return true;
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        char *const value = strchr(argv[i], '=');
        bool taken = false;
        if (value != NULL) {
            *value = '\0';
            taken = take(argv[i], value + 1);
        }
        if (!taken) {
            fprintf(stderr, "trace plugin: argument %s is not valid\n", argv[i]);
            return -1;
        }
    }
    if (out_path == NULL) {
        fprintf(stderr, "trace plugin: out=FILE is missing\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_exit_, NULL);
    return 0;
}
