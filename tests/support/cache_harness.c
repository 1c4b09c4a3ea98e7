/* The plugin's cache by itself: CACHE on the command line, addresses on standard input, a 1 or 0 for each hit or miss.
 */
#include "trace_plugin.c"

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, translated_fn fn) {
    (void)id, (void)fn;
}
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, executed_fn fn, int flags, void *data) {
    (void)tb, (void)fn, (void)flags, (void)data;
}
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, accessed_fn fn, int flags, int rw, void *data) {
    (void)insn, (void)fn, (void)flags, (void)rw, (void)data;
}
void qemu_plugin_register_atexit_cb(plugin_id id, at_exit_fn fn, void *data) {
    (void)id, (void)fn, (void)data;
}
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb) {
    return tb == NULL;
}
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb) {
    return tb == NULL;
}
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index) {
    (void)tb, (void)index;
    return NULL;
}
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn) {
    return insn == NULL;
}
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn) {
    return insn;
}
unsigned int qemu_plugin_mem_size_shift(uint32_t info) {
    return info;
}
bool qemu_plugin_mem_is_store(uint32_t info) {
    return info != 0;
}

int main(int argc, char **argv) {
    static cache_t cache;
    uint32_t address;
    if (argc != 2 || !cache_init(&cache, argv[1])) {
        return 2;
    }
    while (scanf("%" SCNu32, &address) == 1) {
        putchar(cache_touch(&cache, address) ? '1' : '0');
    }
    return 0;
}
