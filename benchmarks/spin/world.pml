/* The world of cowlab, as one would write it for Spin: private anonymous base pages, fork, swap, and references.

   Sizes and policy come from the command line:  spin -a -o2 -DPROCESSES=2 -DPAGES=1 -DREFERENCES=1 world.pml
   Each SWAP, PROTECT, REGISTER adds events. PAGE_COUNT: reuse asks page_count and fork copies pinned pages (v5.9),
   instead of reuse by map and swap count (v5.7). -o2: or Spin drops variables which it believes are never read.

   Names are the kernel's and those of cowlab/kernel.py. Frames and slots are numbered lowest free first, as there.
   Contents are a set: who may see them. One bit for each cell holder, a page of a process or a reference. */

#define ENTRIES (PROCESSES * PAGES)
#define FRAMES  (ENTRIES + REFERENCES + 2)   /* frame 0 is the zero page; one more lives while a page is copied */
#define SLOTS   ENTRIES
#define REFS    (REFERENCES + 1)             /* Promela has no empty arrays; the last is never used */
#define NONE    255
#define GONE    0                            /* rights of a mapping: none there, r, rw */
#define R       1
#define RW      2
#define FREE    0                            /* references: a free name, FOLL_GET, FOLL_PIN | FOLL_WRITE */
#define GET     1
#define PIN     2
#define ENTRY_BIT(e) (1 << (e))
#define REF_BIT(r)   (1 << (ENTRIES + (r)))

bool alive[PROCESSES];
byte prot[ENTRIES];                          /* entry e is page e % PAGES of process e / PAGES */
byte frame[ENTRIES] = NONE;
byte slot[ENTRIES] = NONE;
bool writable[ENTRIES];

bool used[FRAMES];
byte holds[FRAMES];                          /* who may see what is in it */
byte cached[FRAMES] = NONE;                  /* in the swap cache, for this slot */
byte wrote[SLOTS];                           /* who may see what is in the slot; 0 while a frame is cached for it */

byte taken[REFS];
byte target[REFS] = NONE;
byte mates[REFS];                            /* all holders that have its cell: a store of one is seen by each */

#ifdef PAGE_COUNT
bool has_pinned[PROCESSES];                  /* mm->has_pinned */
#endif

hidden byte i, n, c, e, f, q, s, old, maps, entries, refs, pins, bits;

/* counts, never stored */

inline count(number) {
	maps = 0; entries = 0; refs = 0; pins = 0;
	for (i : 0 .. ENTRIES - 1) {
		maps = maps + (frame[i] == number);
		entries = entries + (slot[i] != NONE && slot[i] == cached[number])
	}
	for (i : 0 .. REFS - 1) {
		refs = refs + (target[i] == number);
		pins = pins + (target[i] == number && taken[i] == PIN)
	}
}

inline new_frame(contents) {                 /* f */
	f = 1;
	do :: used[f] -> f++ :: else -> break od;
	assert(f < FRAMES);
	used[f] = true; holds[f] = contents; cached[f] = NONE
}

inline new_slot() {                          /* s */
	s = 0;
	do
	:: s < SLOTS ->
		n = 0;
		for (i : 0 .. ENTRIES - 1) { n = n + (slot[i] == s) }
		for (i : 1 .. FRAMES - 1) { n = n + (cached[i] == s) }
		if :: n == 0 -> break :: else -> s++ fi
	:: else -> break
	od;
	assert(s < SLOTS)
}

inline find_cached(number) {                 /* c: the frame which the swap cache has for that slot */
	c = NONE;
	for (i : 1 .. FRAMES - 1) {
		if :: cached[i] == number -> c = i :: else fi
	}
}

inline reap() {                              /* free what nobody uses any more */
	for (n : 1 .. FRAMES - 1) {
		if
		:: used[n] ->
			count(n);
			if :: maps == 0 && entries == 0 -> cached[n] = NONE :: else fi;
			if :: maps == 0 && refs == 0 && cached[n] == NONE -> used[n] = false; holds[n] = 0 :: else fi
		:: else
		fi
	}
	for (n : 0 .. SLOTS - 1) {
		entries = 0;
		for (i : 0 .. ENTRIES - 1) { entries = entries + (slot[i] == n) }
		if :: entries == 0 -> wrote[n] = 0 :: else fi
	}
}

/* who may see what */

inline forget(b) {                         /* a holder of a cell goes */
	for (i : 0 .. FRAMES - 1) { holds[i] = holds[i] & ~(b) }
	for (i : 0 .. SLOTS - 1) { wrote[i] = wrote[i] & ~(b) }
	for (i : 0 .. REFS - 1) { mates[i] = mates[i] & ~(b) }
}

inline inherit(from, to) {                   /* a new holder may see what an old one may see */
	for (i : 0 .. FRAMES - 1) { holds[i] = holds[i] | (((holds[i] >> (from)) & 1) << (to)) }
	for (i : 0 .. SLOTS - 1) { wrote[i] = wrote[i] | (((wrote[i] >> (from)) & 1) << (to)) }
}

inline store() {                             /* by entry e, into the frame which it maps */
	bits = ENTRY_BIT(e);
	for (i : 0 .. REFS - 1) {
		if :: mates[i] & ENTRY_BIT(e) -> bits = bits | REF_BIT(i) :: else fi
	}
	holds[frame[e]] = bits
}

/* the page-fault path, for entry e */

inline swap_in() {
	find_cached(slot[e]);
	if
	:: c == NONE -> new_frame(wrote[slot[e]]); cached[f] = slot[e]; wrote[slot[e]] = 0; c = f
	:: else
	fi;
	frame[e] = c; slot[e] = NONE
}

inline wp_page_copy() {
	old = frame[e];
	new_frame(holds[old]);
	frame[e] = f; writable[e] = (prot[e] == RW)
}

inline wp_page_reuse() {                     /* a swap cache that no entry needs is dropped */
	if :: entries == 0 -> cached[frame[e]] = NONE :: else fi;
	writable[e] = (prot[e] == RW)
}

#ifdef PAGE_COUNT
#define REUSE (maps + refs + (cached[frame[e]] != NONE) == 1)
#else
#define REUSE (maps + entries == 1)
#endif

inline do_wp_page() {
	if
	:: frame[e] == 0 -> wp_page_copy()
	:: else ->
		count(frame[e]);
		if :: REUSE -> wp_page_reuse() :: else -> wp_page_copy() fi
	fi
}

inline handle_write() {
	if
	:: frame[e] == NONE && slot[e] == NONE ->
		new_frame(holds[0]); frame[e] = f; writable[e] = true
	:: frame[e] == NONE && slot[e] != NONE ->
		swap_in();
		count(frame[e]);
		if :: maps + entries == 1 -> wp_page_reuse() :: else -> do_wp_page() fi
	:: frame[e] != NONE && !writable[e] -> do_wp_page()
	:: else
	fi
}

inline handle_read() {
	if
	:: frame[e] == NONE && slot[e] != NONE -> swap_in()
	:: frame[e] == NONE && slot[e] == NONE -> frame[e] = 0
	:: else
	fi
}

/* events */

inline write_page(entry) {
	e = entry;
	if :: prot[e] == RW -> handle_write(); store(); reap() :: else fi
}

inline read_page(entry) {
	e = entry;
	if :: prot[e] != GONE -> handle_read() :: else fi
}

inline unmap(entry) {
	prot[entry] = GONE; frame[entry] = NONE; slot[entry] = NONE; writable[entry] = false;
	forget(ENTRY_BIT(entry))
}

inline mprotect(entry, rights) {
	if
	:: prot[entry] != GONE -> prot[entry] = rights; writable[entry] = writable[entry] && rights == RW
	:: else
	fi
}

inline clear_refs(p) {
	for (i : p * PAGES .. p * PAGES + PAGES - 1) { writable[i] = false }
}

inline swap_out(entry) {
	old = frame[entry];
	if
	:: old != NONE && old != 0 ->
		if :: cached[old] == NONE -> new_slot() :: else -> s = cached[old] fi;
		for (i : 0 .. ENTRIES - 1) {
			if :: frame[i] == old -> frame[i] = NONE; slot[i] = s; writable[i] = false :: else fi
		}
		count(old);
		if
		:: refs -> cached[old] = s
		:: else -> wrote[s] = holds[old]; used[old] = false; holds[old] = 0; cached[old] = NONE
		fi
	:: else
	fi
}

inline fork(p) {
	q = 0;
	do :: alive[q] -> q++ :: else -> break od;
	alive[q] = true;
	for (n : 0 .. PAGES - 1) {
		e = p * PAGES + n; c = q * PAGES + n;
		prot[c] = prot[e]; slot[c] = slot[e];
#ifdef PAGE_COUNT
		pins = 0;
		if :: frame[e] != NONE && frame[e] != 0 && has_pinned[p] -> count(frame[e]) :: else fi;
		if
		:: pins -> new_frame(holds[frame[e]]); frame[c] = f; writable[c] = (prot[c] == RW)
		:: else -> frame[c] = frame[e]; writable[e] = false
		fi;
#else
		frame[c] = frame[e]; writable[e] = false;
#endif
		if :: prot[e] != GONE -> inherit(e, c) :: else fi
	}
}

inline exit(p) {
	alive[p] = false;
#ifdef PAGE_COUNT
	has_pinned[p] = false;
#endif
	for (n : p * PAGES .. p * PAGES + PAGES - 1) { unmap(n) }
	reap()
}

inline take(entry, kind) {
	e = entry;
	if :: kind == PIN -> handle_write(); reap() :: else -> handle_read() fi;
	n = 0;
	do :: taken[n] != FREE -> n++ :: else -> break od;
	taken[n] = kind; target[n] = frame[e];
	bits = ENTRY_BIT(e) | REF_BIT(n);
	for (i : 0 .. REFS - 1) {
		if :: mates[i] & ENTRY_BIT(e) -> bits = bits | REF_BIT(i); mates[i] = mates[i] | REF_BIT(n) :: else fi
	}
	mates[n] = bits;
	inherit(e, ENTRIES + n)
}

inline put(r) {
	taken[r] = FREE; target[r] = NONE; mates[r] = 0;
	forget(REF_BIT(r));
	reap()
}

/* what can happen: one line an event, page by page, process by process, reference by reference */

#define EVENT(possible, effect) :: d_step { possible -> effect; skip }   /* a d_step may not end in a loop */

#define PAGE(p, entry) \
	EVENT(alive[p], write_page(entry)) \
	EVENT(alive[p], read_page(entry)) \
	EVENT(alive[p], if :: prot[entry] != GONE -> unmap(entry); reap() :: else fi) \
	SWAP_EVENTS(p, entry) PROTECT_EVENTS(p, entry) TAKE_EVENTS(p, entry)

#ifdef SWAP
#define SWAP_EVENTS(p, entry) EVENT(alive[p], swap_out(entry))
#else
#define SWAP_EVENTS(p, entry)
#endif

#ifdef PROTECT
#define PROTECT_EVENTS(p, entry) \
	EVENT(alive[p], mprotect(entry, R)) \
	EVENT(alive[p], mprotect(entry, RW))
#define CLEAR_REFS(p) EVENT(alive[p], clear_refs(p))
#else
#define PROTECT_EVENTS(p, entry)
#define CLEAR_REFS(p)
#endif

#if REFERENCES == 0
#define ROOM false
#elif REFERENCES == 1
#define ROOM (taken[0] == FREE)
#else
#define ROOM (taken[0] == FREE || taken[1] == FREE)
#endif

#ifdef PAGE_COUNT
#define SET_HAS_PINNED(p) ; has_pinned[p] = true
#else
#define SET_HAS_PINNED(p)
#endif

#ifdef REGISTER
#define REGISTER_EVENTS(p, entry) \
	EVENT(alive[p] && ROOM && prot[entry] == RW, take(entry, PIN) SET_HAS_PINNED(p))
#else
#define REGISTER_EVENTS(p, entry)
#endif

#if REFERENCES
#define TAKE_EVENTS(p, entry) \
	EVENT(alive[p] && ROOM && prot[entry] != GONE, take(entry, GET)) \
	REGISTER_EVENTS(p, entry)
#else
#define TAKE_EVENTS(p, entry)
#endif

#if PROCESSES == 1
#define FULL true
#elif PROCESSES == 2
#define FULL (alive[0] && alive[1])
#else
#define FULL (alive[0] && alive[1] && alive[2])
#endif

#if PAGES == 1
#define EACH_PAGE(p) PAGE(p, p)
#else
#define EACH_PAGE(p) PAGE(p, 2 * p) PAGE(p, 2 * p + 1)
#endif

#define PROCESS(p) \
	EVENT(alive[p] && !FULL, fork(p)) \
	EVENT(alive[p], exit(p)) \
	CLEAR_REFS(p) EACH_PAGE(p)

#define REFERENCE(r) \
	EVENT(taken[r] == PIN, holds[target[r]] = mates[r]) \
	EVENT(taken[r] != FREE, put(r))

active proctype world() {
	d_step {
		alive[0] = true;
		used[0] = true;
		for (i : 0 .. PAGES - 1) { prot[i] = RW; holds[0] = holds[0] | ENTRY_BIT(i) };
		skip
	}
end:	do
	PROCESS(0)
#if PROCESSES > 1
	PROCESS(1)
#endif
#if PROCESSES > 2
	PROCESS(2)
#endif
#if REFERENCES > 0
	REFERENCE(0)
#endif
#if REFERENCES > 1
	REFERENCE(1)
#endif
	od
}
