// trace.c: what an execution says that is replayed for readers: one line a step.

#include "model.h"

#include <string.h>

static const char *base_of(const char *file) {
    const char *slash = strrchr(file, '/');
    return slash == NULL ? file : slash + 1;
}

/// The line of the source that a step stands in, without the blanks around it; empty when the file cannot be read.
static void source_line(const char *file, int line, char *text, size_t bytes) {
    text[0] = 0;
    FILE *source = fopen(file, "r");
    if (source == NULL) return;
    char buffer[512];
    while (line > 0 && fgets(buffer, sizeof buffer, source) != NULL) line -= 1;
    if (line == 0) {
        size_t length = strcspn(buffer, "\n");
        size_t blanks = strspn(buffer, " ");
        buffer[length] = 0;
        snprintf(text, bytes, "%s", buffer + blanks);
    }
    fclose(source);
}

static const char *order_name(int order) {
    static const char *const names[] = {"relaxed", "acquire", "release", "acq_rel", "seq_cst"};
    return names[order];
}

static void end_of_line(const char *file, int line) {
    char text[128];
    source_line(file, line, text, sizeof text);
    fprintf(model.trace, "  %s:%d  %s\n", base_of(file), line, text);
}

void model_trace(const char *operation, int order, uint32_t location, uint64_t before, uint64_t after,
                 const char *note, const char *file, int line) {
    char what[160];
    if (location == UINT32_MAX) snprintf(what, sizeof what, "%s", note);
    else if (before == after) snprintf(what, sizeof what, "a%u = 0x%llx %s", location, (unsigned long long)after, note);
    else snprintf(what, sizeof what, "a%u: 0x%llx -> 0x%llx %s", location, (unsigned long long)before,
                  (unsigned long long)after, note);
    fprintf(model.trace, "%5llu  t%u  %-8s %-7s  %-44s", (unsigned long long)model.steps, model.current, operation,
            order_name(order), what);
    end_of_line(file, line);
}

void model_trace_note(const char *text, const char *file, int line) {
    fprintf(model.trace, "%5llu  t%u  %-62s", (unsigned long long)model.steps, model.current, text);
    end_of_line(file, line);
}
