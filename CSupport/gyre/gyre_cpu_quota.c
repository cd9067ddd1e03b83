// gyre_cpu_quota.c: gyre_cpu_quota_read of gyre_cpu.h.
//
// /proc/self/cgroup says which group the process is in, once for each hierarchy; /proc/self/mountinfo says where the
// hierarchies are mounted and which part of them. A limit may be set on any group on the way up, so all are read and
// the tightest wins. Files that are missing set no limit; files that make no sense are left out and reported.

#define _GNU_SOURCE
#include "gyre_cpu.h"

#include "gyre_text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Where one hierarchy is mounted, and the group of this process in it.
typedef struct {
    uint32_t version;
    char mount[PATH_MAX]; // with the root of the tree before it
    char part[PATH_MAX];  // the group that the mount shows at its top
    char group[PATH_MAX]; // the group of this process, from the top of the hierarchy
    bool is_mounted;
    bool is_member;
} gyre_cpu_hierarchy;

enum { GYRE_CPU_V1 = 0, GYRE_CPU_V2 = 1 };

static bool gyre_cpu_list_has(const char *list, const char *word) {
    size_t length = strlen(word);
    while (*list) {
        size_t here = strcspn(list, ",\n");
        if (here == length && memcmp(list, word, length) == 0) return true;
        list += here;
        list += *list != 0;
    }
    return false;
}

/// Undoes the octal escapes of mountinfo (a blank is \040). False when the text does not fit.
static bool gyre_cpu_unescape(const char *text, char *plain, size_t bytes) {
    size_t length = 0;
    while (*text) {
        if (length + 1 >= bytes) return false;
        bool is_escape = text[0] == '\\' && text[1] >= '0' && text[1] <= '3';
        if (is_escape && text[2] >= '0' && text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
            plain[length++] = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
            text += 4;
        } else {
            plain[length++] = *text++;
        }
    }
    plain[length] = 0;
    return true;
}

/// Takes one line of mountinfo: id parent device part mount options [tags] - type source options.
/// False when a line of a cgroup hierarchy does not fit.
static bool gyre_cpu_take_mount(const char *root, char *line, gyre_cpu_hierarchy *found) {
    char *fields[5] = {0}, *type = NULL, *options = NULL, *rest = NULL;
    line[strcspn(line, "\n")] = 0;
    char *word = strtok_r(line, " ", &rest);
    for (int index = 0; word && index < 5; ++index, word = strtok_r(NULL, " ", &rest)) fields[index] = word;
    while (word && strcmp(word, "-") != 0) word = strtok_r(NULL, " ", &rest);
    if (word) type = strtok_r(NULL, " ", &rest);
    if (type && strtok_r(NULL, " ", &rest)) options = strtok_r(NULL, " ", &rest);
    if (!type) return true; // cut off: with a type, all five fields stand before it
    gyre_cpu_hierarchy *hierarchy = NULL;
    if (strcmp(type, "cgroup2") == 0) hierarchy = &found[GYRE_CPU_V2];
    if (strcmp(type, "cgroup") == 0 && options && gyre_cpu_list_has(options, "cpu")) hierarchy = &found[GYRE_CPU_V1];
    if (!hierarchy || hierarchy->is_mounted) return true;
    size_t prefix = strlen(root);
    if (prefix >= sizeof hierarchy->mount) return false;
    memcpy(hierarchy->mount, root, prefix);
    hierarchy->is_mounted = gyre_cpu_unescape(fields[4], hierarchy->mount + prefix, sizeof hierarchy->mount - prefix) &&
                            gyre_cpu_unescape(fields[3], hierarchy->part, sizeof hierarchy->part);
    return hierarchy->is_mounted;
}

/// Takes one line of /proc/self/cgroup: number, controllers and group, between colons. False when it makes no sense.
static bool gyre_cpu_take_member(const char *root, char *line, gyre_cpu_hierarchy *found) {
    (void)root; // the line names no path that this process could open
    line[strcspn(line, "\n")] = 0;
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group || group[1] != '/') return false;
    *group++ = 0;
    *controllers++ = 0;
    gyre_cpu_hierarchy *hierarchy = NULL;
    if (*controllers == 0) hierarchy = &found[GYRE_CPU_V2];
    else if (gyre_cpu_list_has(controllers, "cpu")) hierarchy = &found[GYRE_CPU_V1];
    if (!hierarchy) return true;
    if (strlen(group) >= sizeof hierarchy->group) return false;
    strcpy(hierarchy->group, group);
    hierarchy->is_member = true;
    return true;
}

/// Runs `take` on each line of a file. True when the file is missing or every line was taken; false also when memory is
/// out, because a limit may have gone unseen then.
static bool gyre_cpu_for_each_line(const char *root, const char *name, gyre_cpu_hierarchy *found,
                                   bool (*take)(const char *root, char *line, gyre_cpu_hierarchy *found)) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s%s", root, name) >= (int)sizeof path) return false;
    FILE *file = fopen(path, "re");
    if (!file) return errno != ENOMEM;
    char *line = NULL;
    size_t capacity = 0;
    bool is_sound = true;
    while (getline(&line, &capacity, file) >= 0) is_sound = take(root, line, found) && is_sound;
    is_sound = feof(file) && is_sound; // else reading ended for another reason than the end of the file
    free(line);
    fclose(file);
    return is_sound;
}

/// A number at the start of `*text`, which moves behind it. False when there is none, or one that is too large.
static bool gyre_cpu_take_number(const char **text, uint64_t *number) {
    if (**text < '0' || **text > '9') return false; // strtoull would take a sign
    char *end;
    errno = 0;
    *number = strtoull(*text, &end, 10);
    *text = end;
    return errno == 0;
}

static bool gyre_cpu_is_end(const char *text) { return text[strspn(text, " \n")] == 0; }

static void gyre_cpu_take_limit(gyre_cpu_quota *quota, uint32_t version, uint64_t limit, uint64_t period,
                                const char *group) {
    // limit / period against what there is; 128 bits because both are the file's.
    if (quota->is_limited && (__uint128_t)limit * quota->period_us >= (__uint128_t)quota->quota_us * period) return;
    quota->is_limited = true;
    quota->version = version;
    quota->quota_us = limit;
    quota->period_us = period;
    snprintf(quota->group, sizeof quota->group, "%s", *group ? group : "/");
}

/// The limit of one group. `directory` has room for a file's name behind `length`. False when a file makes no sense.
static bool gyre_cpu_read_group(char *directory, size_t length, uint32_t version, const char *group,
                                gyre_cpu_quota *quota) {
    char text[64];
    const char *at = text;
    uint64_t limit, period = 100000;
    bool is_sound = false;
    strcpy(directory + length, version == 2 ? "/cpu.max" : "/cpu.cfs_quota_us");
    bool is_there = gyre_text_read(directory, text, sizeof text);
    directory[length] = 0;
    if (!is_there) return true;
    if (version == 2 && strncmp(text, "max", 3) == 0) return gyre_cpu_is_end(text + 3) || text[3] == ' ';
    if (version == 1 && strncmp(text, "-1", 2) == 0) return gyre_cpu_is_end(text + 2);
    if (!gyre_cpu_take_number(&at, &limit)) return false;
    if (version == 2) {
        at += strspn(at, " ");
        is_sound = gyre_cpu_is_end(at) || (gyre_cpu_take_number(&at, &period) && gyre_cpu_is_end(at));
    } else if (gyre_cpu_is_end(at)) {
        strcpy(directory + length, "/cpu.cfs_period_us");
        is_sound = gyre_text_read(directory, text, sizeof text);
        directory[length] = 0;
        at = text;
        is_sound = is_sound && gyre_cpu_take_number(&at, &period) && gyre_cpu_is_end(at);
    }
    if (!is_sound || limit == 0 || period == 0) return false;
    gyre_cpu_take_limit(quota, version, limit, period, group);
    return true;
}

/// The group of this process as a path below the mount. Where the mount does not show it (another namespace, or only a
/// part of the hierarchy is mounted), the top of the mount is all that can be read.
static const char *gyre_cpu_group_below_mount(const gyre_cpu_hierarchy *hierarchy) {
    const char *group = hierarchy->group;
    if (strstr(group, "/..")) return "";
    if (strcmp(hierarchy->part, "/") != 0) {
        size_t length = strlen(hierarchy->part);
        if (strncmp(group, hierarchy->part, length) != 0) return "";
        group += length;
        if (*group != 0 && *group != '/') return "";
    }
    return strcmp(group, "/") == 0 ? "" : group;
}

static bool gyre_cpu_climb(const gyre_cpu_hierarchy *hierarchy, gyre_cpu_quota *quota) {
    char directory[2 * PATH_MAX + 32];
    if (!hierarchy->is_mounted || !hierarchy->is_member) return true;
    size_t top = strlen(hierarchy->mount);
    if (top > 0 && hierarchy->mount[top - 1] == '/') top -= 1;
    memcpy(directory, hierarchy->mount, top);
    strcpy(directory + top, gyre_cpu_group_below_mount(hierarchy));
    bool is_sound = true;
    for (size_t length = strlen(directory);;) {
        if (!gyre_cpu_read_group(directory, length, hierarchy->version, directory + top, quota)) is_sound = false;
        if (length <= top) return is_sound;
        while (length > top && directory[length - 1] != '/') length -= 1;
        if (length > top) length -= 1; // the slash
        directory[length] = 0;
    }
}

void gyre_cpu_quota_read(const char *root, gyre_cpu_quota *quota) {
    memset(quota, 0, sizeof *quota);
    gyre_cpu_hierarchy *found = calloc(2, sizeof *found); // 24 KB: too much for the stacks of some threads
    if (!found) {
        quota->is_malformed = true;
        return;
    }
    found[GYRE_CPU_V1].version = 1;
    found[GYRE_CPU_V2].version = 2;
    bool is_sound = gyre_cpu_for_each_line(root, "/proc/self/mountinfo", found, gyre_cpu_take_mount);
    is_sound = gyre_cpu_for_each_line(root, "/proc/self/cgroup", found, gyre_cpu_take_member) && is_sound;
    is_sound = gyre_cpu_climb(&found[GYRE_CPU_V1], quota) && is_sound;
    is_sound = gyre_cpu_climb(&found[GYRE_CPU_V2], quota) && is_sound;
    quota->is_malformed = !is_sound;
    free(found);
}
