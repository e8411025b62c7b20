/*
 * Tracked columns (docs/decisions/0016): one row that two writers change and move, the answer to
 * "which rows have c = 1", the tags it depends on, and the enrolments that tell writers of it.
 *
 * T! is Bulk here, T? is Table, T?c is Column, T[c=1] is Value. README.md says what stands for what, and
 * model_test.go lists the variants. As in freshness.pml each atomic block is one call's effect on one tag,
 * or one event in the database.
 */

/* ---- What may happen ----------------------------------------------------------------------------- */

#ifndef DEATH
#define DEATH 1            /* enrolments may end before any step; 2: writers too */
#endif
#ifndef EVICTION
#define EVICTION 1         /* the store may drop T? and T?c at any moment, unless they are marked; 2: T! and values too */
#endif
#ifndef LOSSES
#define LOSSES 0           /* the store may lose what is marked, as by a flush: marks on T, and any tag with its marks */
#endif
#ifndef ERRORS
#define ERRORS 0           /* a COMMIT may fail; what was marked is settled all the same */
#endif
#ifndef LOOK_FAILS
#define LOOK_FAILS 0       /* a writer's lookup of T? may fail */
#endif
#ifndef MARK_FAILS
#define MARK_FAILS 0       /* a writer's mark on T may not land; AllowStale goes on */
#endif
#ifndef ENROLMENTS
#define ENROLMENTS 1       /* at a time: 1 or 2; each process enrols again and again */
#endif
#ifdef ONLY_RETURNED       /* a read may expect only what commits have returned */
#undef ONLY_RETURNED
#define ONLY_RETURNED 1
#else
#define ONLY_RETURNED 0
#endif
#ifndef STALL
#define STALL 0            /* an enrolment may stall until its own marks run out */
#endif
#ifndef SHORT_GRACE
#define SHORT_GRACE 0      /* an enrolment's marks may run out before those of writers that came first */
#endif

/* ---- How it is built ------------------------------------------------------------------------------- */

#ifndef REMEMBERS
#define REMEMBERS 0        /* writers go by the columns they saw when T? had the token it has */
#endif
#ifndef ENDS_BY_SETTLE
#define ENDS_BY_SETTLE 0   /* an enrolment ends by Settle, which makes tags; otherwise by Unmark */
#endif
#ifndef UNMARKED_IS_BULK
#define UNMARKED_IS_BULK 1 /* a writer whose mark on T failed changes T! */
#endif
#ifndef LOST_IS_BULK
#define LOST_IS_BULK 1     /* a writer whose mark on T is gone when it settles changes T! */
#endif
#ifndef IN_ORDER
#define IN_ORDER 0         /* an enrolment marks T?c only once T? is marked: one Redis, but not a Cluster */
#endif
#ifndef LOOKS_AGAIN
#define LOOKS_AGAIN 0      /* marks that have run out on T? and T?c are taken away only while T bears none */
#endif

/* ---- Rules, to be broken one at a time ------------------------------------------------------------ */

#ifndef MUTANT
#define MUTANT 0
#endif
#define NO_LOCK       (MUTANT == 1)  /* the pre-image is read without a lock */
#define BLIND         (MUTANT == 2)  /* an enrolment does not look at T */
#define LOOKS_FIRST   (MUTANT == 3)  /* a writer looks before it marks */
#define NO_TABLE      (MUTANT == 4)  /* readers don't depend on T? */
#define NO_COLUMN     (MUTANT == 5)  /* readers don't depend on T?c */
#define BY_TOKENS     (MUTANT == 6)  /* a read makes T? and T?c as it makes other tags */
#define IGNORES_LOST  (MUTANT == 7)  /* a failed lookup counts as: nothing is tracked */
#define NO_BULK       (MUTANT == 8)  /* readers don't depend on T! */
#define NEW_ONLY      (MUTANT == 9)  /* a writer changes the tag of the new value only */
#define UNKNOWN_IS_NO (MUTANT == 10) /* values that are not known count as no values */
#define NO_MARKS      (MUTANT == 11) /* enrolment without marks: look at T, then make the tags */

/* ---- The store ------------------------------------------------------------------------------------- */

#define Bulk   0
#define Table  1
#define Column 2
#define Value  3
#define TAGS   4

#define BIT(n) (1 << (n))
#define LEFT   4           /* the mark of enrolments that have left theirs; 0 and 1 are writers', 2 and 3 enrolments' */
#define NOBODY 7

byte token[TAGS];          /* 0: no such tag. They mean nothing but equal and not equal */
byte marks[TAGS];
byte first[TAGS];          /* the writers on T whose marks run out before those of enrolments here */
byte onT;                  /* the marks on T. Nothing depends on its token here */
byte entry[TAGS];          /* the tokens that the entry carries; 0: there is none */
byte version;              /* the data that it carries */
byte asked[2];             /* the token of T? that a writer saw before it asked for T?c */
byte memory;               /* REMEMBERS: the token that T? had when there was no T?c */

/* ---- The database, and the promise ----------------------------------------------------------------- */

byte db;                   /* each commit raises it */
bit  c;                    /* the row's value */
byte lock;                 /* 1 + the writer that has locked the row */
byte witnessed;            /* the newest version that changed the answer, and that a read may expect */
bit  over[2];              /* the writer has decided or is dead, so its marks may run out */

/* ---- One change of one tag: tag.lua ---------------------------------------------------------------- */

#define DIES (DEATH > 1)
#define NEEDS(t) (!((t) == Bulk && NO_BULK || (t) == Table && NO_TABLE || (t) == Column && NO_COLUMN))
#define FRESH 99
hidden byte i, anew;       /* scratch within one step */

/* Numbers tokens anew after each step, as in freshness.pml, and forgets what makes no difference. */
c_code {
	static void tidy(void) {
		int t, k, dead = 0;
		for (t = 0; t < 4; t++) {
			uchar number[FRESH + 1] = {0}, n = 0;
			uchar *holders[] = {&now.token[t], &now.entry[t], &now.memory, &now.asked[0], &now.asked[1]};
			for (k = 0; k < (t == Table ? 5 : 2); k++) {
				uchar *h = holders[k];
				if (*h == 0) continue;
				if (number[*h] == 0) number[*h] = ++n;
				*h = number[*h];
			}
			if (NEEDS(t) && now.entry[t] != now.token[t]) dead = 1;
			now.first[t] &= (now.over[0] ? 0 : 1) | (now.over[1] ? 0 : 2);
			if ((now.marks[t] & (4 | 8 | 16)) == 0) now.first[t] = 0;
		}
		if (dead) { /* no token ever comes back */
			memset(now.entry, 0, sizeof now.entry);
			now.version = 0;
		}
	}
}

/* There is no clock: a writer's mark may run out once it has decided; one that an enrolment has left, once
 * the writers have decided whose marks on T were there before it. */
#define RUNS_OUT(x, t) ((x) < 2 && over[(x) & 1] || \
	((x) == LEFT || (x) > 1 && STALL) && (first[t] == 0 || SHORT_GRACE))

inline change(t, own, fresh, stays) {
	anew = fresh || token[t] == 0;
	marks[t] = marks[t] & (31 - (BIT(own) & 31));
	i = 0;
	do
	:: i <= LEFT ->
		if
		:: (marks[t] & BIT(i)) && RUNS_OUT(i, t) -> marks[t] = marks[t] - BIT(i); anew = 1; printf("say: tag %d: mark %d has run out\n", t, i)
		:: true
		fi;
		i++
	:: else -> break
	od;
	if
	:: anew -> token[t] = FRESH; printf("say: tag %d: a new token\n", t)
	:: else
	fi;
	if
	:: stays -> marks[t] = marks[t] | BIT(own); printf("say: tag %d: marked by %d\n", t, own)
	:: else
	fi;
	i = 0; anew = 0;
	c_code { tidy(); }
}

/* ---- A writer: the pre-image, the statement, mark, look, mark more, COMMIT, settle ------------------ */

inline forget() {
	known = 0; sure = 0; really = 0; sets = 0; to = 0; failed = 0; bulk = 0; value = 0; marked = 0; looked = 0; at = 0;
	asked[w] = 0;
	goto end
}

inline die() {
	printf("say: writer %d: killed\n", w);
	over[w] = 1;
	if
	:: lock == w + 1 -> lock = 0
	:: else
	fi;
	c_code { tidy(); }
	forget()
}

/* What the writer makes of its lookups. */
inline conclude(tracked) {
	printf("say: writer %d: looks: tracked %d\n", w, tracked);
	value = value || (tracked && known && sure);
	bulk = bulk || (tracked && !known && !UNKNOWN_IS_NO) || (failed && UNMARKED_IS_BULK);
	known = 0; sure = 0; asked[w] = 0; c_code { tidy(); }
}

/* T! and the value together: that no call changes two tags at once is the subject of freshness.pml. */
inline further(fresh, stays) {
	if
	:: bulk -> change(Bulk, w, fresh, stays)
	:: else
	fi;
	if
	:: value -> change(Value, w, fresh, stays)
	:: else
	fi
}

proctype Writer(byte w) {
	bit known;             /* the pre-image has been read */
	bit sure;              /* by it, or by the new value, the answer changes */
	bit really;            /* the answer changes */
	bit sets, to;          /* the statement sets c to a value */
	bit failed;            /* the mark on T did not land */
	bit bulk, value;       /* further tags to be changed */
	bit marked, looked;
	byte at;               /* the version that it committed */

	/* Whether c is tracked, the process may know or not: only the store is asked for certain. */
	if
	:: atomic { lock == 0 || NO_LOCK -> known = 1; sure = c;
		printf("say: writer %d: pre-image c = %d\n", w, c);
		if
		:: !NO_LOCK -> lock = w + 1; goto statement    /* nobody else can change the row in between */
		:: NO_LOCK
		fi }
		atomic { lock == 0 -> lock = w + 1; goto statement }
	:: atomic { lock == 0 -> lock = w + 1; goto statement }    /* nothing foreseen */
	fi;
statement:
	atomic {
		if
		:: sets = 0
		:: sets = 1; to = 0
		:: sets = 1; to = 1
		fi;
		really = c || (sets && to);
		sure = (sure && !NEW_ONLY) || (sets && to);
		printf("say: writer %d: changes the row with c = %d, sets %d to %d\n", w, c, sets, to) }

	do
	:: atomic { !marked && (looked || !LOOKS_FIRST) ->
		marked = 1;
		if
		:: onT = onT | BIT(w); printf("say: T: marked by %d\n", w)
		:: MARK_FAILS -> failed = 1; printf("say: T: a mark by %d fails\n", w)
		fi }
	:: atomic { !looked && (marked || LOOKS_FIRST) && asked[w] == 0 ->
		if
		:: LOOK_FAILS -> looked = 1; bulk = !IGNORES_LOST; printf("say: writer %d: the lookup fails\n", w)
		:: token[Table] == 0 -> looked = 1; memory = 0; conclude(0)
		:: REMEMBERS && token[Table] != 0 && marks[Table] == 0 && memory == token[Table] -> looked = 1; conclude(0)
		:: token[Table] != 0 && !(REMEMBERS && marks[Table] == 0 && memory == token[Table]) ->
			asked[w] = (marks[Table] == 0 -> token[Table] : FRESH);
			printf("say: writer %d: sees T?\n", w); c_code { tidy(); }
		fi }
	:: atomic { !looked && asked[w] != 0 ->
		looked = 1;
		if
		:: REMEMBERS && token[Column] == 0 -> memory = asked[w]
		:: else -> memory = 0
		fi;
		conclude((token[Column] != 0)) }
	:: atomic { marked && looked -> break }
	:: atomic { DIES -> die() }
	od;
	if
	:: atomic { further(0, 1) }
	:: atomic { DIES -> die() }
	fi;

	if
	:: atomic {
		db++; over[w] = 1; lock = 0;
		if
		:: sets -> c = to
		:: else
		fi;
		printf("say: the database: version %d by writer %d, c = %d\n", db, w, c);
		if
		:: really && !failed && !ONLY_RETURNED -> witnessed = db
		:: else
		fi;
		at = db; looked = really; known = 0; sure = 0; really = 0; sets = 0; to = 0; failed = 0; marked = 0; c_code { tidy(); } }
	:: atomic { ERRORS -> lock = 0; over[w] = 1; looked = 0; printf("say: writer %d: COMMIT fails\n", w); known = 0; sure = 0; really = 0; sets = 0; to = 0; failed = 0; marked = 0; c_code { tidy(); } }
	:: atomic { DIES -> die() }
	fi;
	/* From here on looked tells that the answer has changed. */

	if
	:: atomic { true -> bulk = bulk || ((onT & BIT(w)) == 0 && LOSSES && LOST_IS_BULK); onT = onT & (3 - BIT(w)); printf("say: T: settled by %d\n", w) }
	:: atomic { DIES -> forget() }
	fi;
	atomic {
		if
		:: DIES -> forget()
		:: true -> further(1, 0)
		fi;
		if
		:: looked && at > witnessed -> witnessed = at; printf("say: writer %d: COMMIT has returned\n", w)
		:: else
		fi;
		forget() }
end:	false
}

/* ---- An enrolment: Key.Enrol --------------------------------------------------------------------------- */

/* It has failed, its process was killed, or it met a mark on T. */
inline leave() {
	printf("say: enrolment %d: leaves\n", me);
	i = Table;
	do
	:: i <= Column ->
		if
		:: marks[i] & BIT(me) -> marks[i] = (marks[i] - BIT(me)) | BIT(LEFT)
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0; done = 0;
	c_code { tidy(); }
	goto end
}

inline mark(t) {
	change(t, me, 0, 1);
	first[t] = first[t] | (onT & ((over[0] -> 0 : 1) | (over[1] -> 0 : 2)));
	done = done | BIT(t)
}

#define BOTH (BIT(Table) | BIT(Column))

/* Settle makes a tag that is gone, Unmark passes it over. */
inline finish(t) {
	if
	:: token[t] != 0 || ENDS_BY_SETTLE -> change(t, me, ENDS_BY_SETTLE, 0)
	:: else
	fi;
	done = done | BIT(t)
}

proctype Enrolment(byte me) {
	byte done;
	bit  known;

end:	atomic { !BY_TOKENS -> known = token[Table] != 0 }
	atomic {
		known = known && token[Column] != 0;
		if
		:: known && LOOKS_AGAIN && onT != 0 -> known = 0; goto end
		:: else
		fi }
	if
	:: atomic { known ->
		known = 0;
		if
		:: token[Table] != 0 -> change(Table, me, 0, 0)
		:: else
		fi }
		if
		:: atomic { token[Column] != 0 -> change(Column, me, 0, 0) }
		:: atomic { token[Column] == 0 }
		:: atomic { DEATH }
		fi;
		goto end
	:: atomic { !known && !NO_MARKS }
		do
		:: atomic { !(done & BIT(Table)) -> mark(Table) }
		:: atomic { !(done & BIT(Column)) && (!IN_ORDER || done) -> mark(Column) }
		:: atomic { done == BOTH -> done = 0; break }
		:: atomic { DEATH -> leave() }
		od
	:: atomic { !known && NO_MARKS }
	fi;
	/* Tokens takes away the marks of writers that are over; it may do so in any case. */
	if
	:: atomic { (BLIND || onT == 0 || (onT & 1) && over[0] || (onT & 2) && over[1]) ->
		if
		:: over[0] -> onT = onT & 2
		:: true
		fi;
		if
		:: over[1] -> onT = onT & 1
		:: true
		fi;
		if
		:: onT != 0 && !BLIND -> leave()
		:: else
		fi }
	:: atomic { onT != 0 && !BLIND -> leave() }
	:: atomic { DEATH -> leave() }
	fi;
	do
	:: atomic { !(done & BIT(Table)) -> finish(Table) }
	:: atomic { !(done & BIT(Column)) -> finish(Column) }
	:: atomic { done == BOTH -> done = 0; break }
	:: atomic { DEATH -> leave() }
	od;
	goto end
}

/* ---- A reader that fills, and one that hits ------------------------------------------------------------ */

#define CLEAN(t) (token[t] != 0 && marks[t] == 0 || !NEEDS(t))
#define SAME(t)  (token[t] == entry[t] || !NEEDS(t))

#define COPY(from, into) into[Bulk] = from[Bulk]; into[Table] = from[Table]; into[Column] = from[Column]; into[Value] = from[Value]

/* Looks, loads and fills in one step: an entry is never older than so, nor there for a shorter time. What can
 * happen between is the subject of freshness.pml. */
active proctype Filler() {
end:	do
	:: atomic { CLEAN(Bulk) && CLEAN(Table) && CLEAN(Column) && CLEAN(Value) ->
		COPY(token, entry); version = db; c_code { tidy(); }
		printf("say: the reader fills version %d: T! %d, T? %d, T?c %d, value %d\n", version, token[0], token[1], token[2], token[3]) }
	od
}

#define SERVED (entry[Value] != 0 && CLEAN(Bulk) && CLEAN(Table) && CLEAN(Column) && CLEAN(Value) \
	&& SAME(Bulk) && SAME(Table) && SAME(Column) && SAME(Value))

/* A hit, by a read that began just now. */
active proctype Hitter() {
end:	do
	:: atomic { SERVED && version < witnessed -> printf("say: served version %d, expected %d\n", version, witnessed); assert(version >= witnessed) }
	od
}

/* ---- What else happens --------------------------------------------------------------------------------- */

#define EVICTABLE(t) (EVICTION && token[t] != 0 && (marks[t] == 0 || LOSSES))
inline evict(t) { token[t] = 0; marks[t] = 0; printf("say: tag %d: evicted\n", t); c_code { tidy(); } }

/* Eviction, and other readers that make tags and take away old marks. */
active proctype Anybody() {
end:	do
	:: atomic { EVICTION > 1 && EVICTABLE(Bulk) -> evict(Bulk) }
	:: atomic { LOSSES && onT != 0 -> onT = 0; printf("say: T: its marks are lost\n") }
	:: atomic { EVICTABLE(Table) -> evict(Table) }
	:: atomic { EVICTABLE(Column) -> evict(Column) }
	:: atomic { EVICTION > 1 && EVICTABLE(Value) -> evict(Value) }
	:: atomic { token[Bulk] == 0 || marks[Bulk] != 0 -> change(Bulk, NOBODY, 0, 0) }
	:: atomic { token[Value] == 0 || marks[Value] != 0 -> change(Value, NOBODY, 0, 0) }
	:: atomic { BY_TOKENS && (token[Table] == 0 || marks[Table] != 0) -> change(Table, NOBODY, 0, 0) }
	:: atomic { BY_TOKENS && (token[Column] == 0 || marks[Column] != 0) -> change(Column, NOBODY, 0, 0) }
	od
}

init {
	atomic {
		token[Bulk] = 1; token[Value] = 1;    /* any read makes them */
		run Writer(0);
		run Writer(1);
		run Enrolment(2);
#if ENROLMENTS > 1
		run Enrolment(3);
#endif
	}
}
