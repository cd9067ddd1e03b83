/// Mistakes in what a table that is read without a lock is made of.
extension NamedMutant {
    static let cached: [NamedMutant] = [
        NamedMutant(
            "include/gyre_cached.h", "a sweep closes the entry",
            "gyre_fetch_and_relaxed(&cached->marks, ~GYRE_CACHED_VISITED)",
            "gyre_fetch_and_relaxed(&cached->marks, 0)"),
        NamedMutant(
            "include/gyre_cached.h", "a use closes the entry",
            "(void)gyre_fetch_or_relaxed(&cached->marks, GYRE_CACHED_VISITED);",
            "gyre_store_relaxed(&cached->marks, GYRE_CACHED_VISITED);"),
        NamedMutant(
            "include/gyre_cached.h", "a use is not remembered",
            "    (void)gyre_fetch_or_relaxed(&cached->marks, GYRE_CACHED_VISITED);\n", ""),
        NamedMutant(
            "include/gyre_cached.h", "a refresh is claimed by a look",
            "return due <= now && gyre_cas_relaxed_relaxed(&cached->due, &due, next);",
            "if (due > now) return false;\n    gyre_store_relaxed(&cached->due, next);\n    return true;"),
        NamedMutant(
            "include/gyre_cached.h", "a refresh is claimed before it is due",
            "return due <= now && gyre_cas", "return gyre_cas"),
        NamedMutant(
            "include/gyre_cached.h", "what replaces a used entry counts as unused",
            "(visited ? GYRE_CACHED_VISITED : 0)", "0"),
    ]

    static let table: [NamedMutant] = [
        NamedMutant(
            "gyre_table.c", "a node is dropped at once",
            "    urcu_bp_call_rcu(&node->retired, gyre_table_reclaim);", "    gyre_table_reclaim(&node->retired);"),
        NamedMutant(
            "gyre_table.c", "a node is retired before it is removed",
            """
                gyre_table_enter();
                int refused = cds_lfht_del(table->nodes, &node->link);
                gyre_table_leave();
                GYRE_ASSERT(refused == 0); // I2
                (void)refused;
                (void)gyre_fetch_sub_relaxed(&table->count, 1);
                gyre_table_retire(node);
            """,
            """
                gyre_table_retire(node);
                gyre_table_enter();
                int refused = cds_lfht_del(table->nodes, &node->link);
                gyre_table_leave();
                (void)refused;
                (void)gyre_fetch_sub_relaxed(&table->count, 1);
            """),
        NamedMutant(
            "gyre_table.c", "a removed node is kept",
            "    (void)gyre_fetch_sub_relaxed(&table->count, 1);\n    gyre_table_retire(node);\n",
            "    (void)gyre_fetch_sub_relaxed(&table->count, 1);\n"),
        NamedMutant(
            "gyre_table.c", "a replaced node is kept",
            "        gyre_table_retire(gyre_table_node_of(replaced));\n", ""),
        NamedMutant(
            "gyre_table.c", "a find does not ask whether the node is open",
            "return gyre_cached_is_open(&node->cached) && node->match(node->object, key);",
            "return node->match(node->object, key);"),
        NamedMutant(
            "gyre_table.c", "a find takes any key of the same hash",
            "return gyre_cached_is_open(&node->cached) && node->match(node->object, key);",
            "return gyre_cached_is_open(&node->cached);"),
        NamedMutant(
            "gyre_table.c", "a node is not opened", "    gyre_cached_open(&node->cached, due, visited);\n", ""),
        NamedMutant(
            "gyre_table.c", "a read does not begin a section",
            "void gyre_table_enter(void) { urcu_bp_read_lock(); }", "void gyre_table_enter(void) {}"),
        NamedMutant("gyre_table.c", "a read does not end its section", "    urcu_bp_read_unlock();\n", ""),
        NamedMutant(
            "gyre_table.c", "a node goes back before its object is dropped",
            "    node->drop(node->object);\n    free(node);\n", "    free(node);\n    node->drop(node->object);\n"),
        NamedMutant(
            "gyre_table.c", "what was removed is still counted",
            "    (void)gyre_fetch_sub_relaxed(&table->count, 1);\n", ""),
        NamedMutant(
            "gyre_table.c", "what replaces another is counted as well",
            "        gyre_table_retire(gyre_table_node_of(replaced));\n        return true;\n",
            "        gyre_table_retire(gyre_table_node_of(replaced));\n"
                + "        (void)gyre_fetch_add_relaxed(&table->count, 1);\n        return true;\n"),
        NamedMutant(
            "gyre_table.c", "a table counts from whatever was there",
            "    gyre_store_relaxed(&table->count, 0); // nobody else knows it yet\n", ""),
        NamedMutant(
            "gyre_table.c", "nothing is waited for", "void gyre_table_settle(void) { urcu_bp_barrier(); }",
            "void gyre_table_settle(void) {}"),
        NamedMutant(
            "gyre_swap.c", "sections are not waited for", "    urcu_bp_synchronize_rcu();\n", ""),
        NamedMutant(
            "gyre_swap.c", "sections are waited for before the exchange",
            "    uint64_t old = gyre_exchange_acq_rel(word, next); // W1\n    urcu_bp_synchronize_rcu();\n",
            "    urcu_bp_synchronize_rcu();\n    uint64_t old = gyre_exchange_acq_rel(word, next); // W1\n"),
        NamedMutant(
            "gyre_swap.c", "a section does not begin", "void gyre_swap_begin(void) { urcu_bp_read_lock(); }",
            "void gyre_swap_begin(void) {}"),
        NamedMutant(
            "gyre_counter.c", "lines begin with what was there",
            "            gyre_store_relaxed(&lines[index].words[which], 0); // published with the pointer by whoever "
                + "shares it",
            "            (void)which;"),
        NamedMutant(
            "gyre_counter.c", "stripes begin with what was there",
            "        gyre_store_relaxed(&counter->stripes[stripe].value, 0); // published with the pointer by whoever "
                + "shares it",
            "        (void)stripe;"),
        NamedMutant(
            "gyre_counter.c", "the last stripe is not made zero", "stripe < count; ++stripe",
            "stripe + 1 < count; ++stripe"),
    ]
}
