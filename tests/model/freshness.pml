/*
 * The freshness protocol as it is built: one entry and the tags it depends on, two writers, the queues
 * of their processes, readers, and all that may happen meanwhile. README.md says what stands for what.
 *
 * A variant is a set of -D settings: sizes, what may happen, and the rule that is broken, if any.
 * model_test.go lists the variants, and what is expected of them.
 *
 * Each atomic block is one step: one call's effect on one tag or one entry, or one event in the
 * database. What a process decides by itself belongs to the step before it.
 */

/* ---- Sizes --------------------------------------------------------------------------------------- */

#ifndef TAGS
#define TAGS 1             /* tags that the entry depends on: 1 or 2 */
#endif
#ifndef TAGS_0
#define TAGS_0 (BIT(TAGS) - 1)  /* the tags that writer 0 changes, one bit each; by default all */
#endif
#ifndef TAGS_1
#define TAGS_1 (BIT(TAGS) - 1)
#endif
#ifndef PROCESS_OF_WRITER_1
#define PROCESS_OF_WRITER_1 1   /* of processes 0 and 1; writer 0 lives in process 0 */
#endif
#ifndef PROCESS_OF_READER_0
#define PROCESS_OF_READER_0 0
#endif
#ifndef PROCESS_OF_READER_1
#define PROCESS_OF_READER_1 1
#endif
#ifndef ANY_MODE
#define ANY_MODE 0         /* 0: reader 0 only loads (Refresh), reader 1 only hits (OnlyIfCached) */
#endif

/* ---- What may happen ----------------------------------------------------------------------------- */

#ifndef DEATH
#define DEATH 1            /* a process may be killed before any step of its writer */
#endif
#ifndef ERRORS
#define ERRORS 1           /* COMMIT may report an error, whether it took effect or not */
#endif
#ifndef EVICTION
#define EVICTION 1         /* the store may drop the entry, and any unmarked tag, at any moment */
#endif
#ifndef RENEWALS
#define RENEWALS 0         /* invalidation by hand of what has not changed, at any moment */
#endif
#ifndef FAULTS
#define FAULTS 0           /* a call of the store may fail: not carried out, or carried out and not answered */
#endif
#ifndef FAIL_WRITE
#define FAIL_WRITE 0       /* the policy: a write whose mark fails is refused. 0: AllowStale */
#endif
#ifndef RESEND
#define RESEND 0           /* a client may send one settling several times, whatever happens between */
#endif
#ifndef FLIGHTS
#define FLIGHTS 0          /* the readers of one process share loads; leaders may fail */
#endif
#ifndef REPLICA
#define REPLICA 0          /* loads go to a replica that lags; settling leaves a mark for the lag */
#endif
#ifndef BY_HAND
#define BY_HAND 0          /* writer 1 writes outside GORM, and calls invalidate.Tables afterwards */
#endif

/* Where the promise ends. */
#ifndef STALL
#define STALL 0            /* a living writer may stall before its COMMIT until its marks run out */
#endif
#ifndef LATE_COMMIT
#define LATE_COMMIT 0      /* a COMMIT that reported an error may take effect after the settling */
#endif
#ifndef FOREIGN
#define FOREIGN 0          /* writer 0 is a transaction of the application's own: its commit is not seen */
#endif
#ifndef ONE_WRITER_ID
#define ONE_WRITER_ID 0    /* both writers carry the same id */
#endif

/* Repairs. */
#ifndef QUEUE_KEEPS_FENCE
#define QUEUE_KEEPS_FENCE 0    /* a fence that was queued is still a fence when it lands */
#endif
#ifndef ERROR_FENCES
#define ERROR_FENCES 0         /* settling after an error leaves the mark to run out */
#endif

/* ---- Rules, to be broken one at a time ------------------------------------------------------------ */

#ifndef MUTANT
#define MUTANT 0
#endif
#define NO_MARKS           (MUTANT == 1)   /* nothing is marked */
#define SETTLE_WIPES       (MUTANT == 2)   /* settling removes all marks, the other writer's too */
#define SETTLE_KEEPS       (MUTANT == 3)   /* settling removes the mark and keeps the token */
#define COUNTERS           (MUTANT == 4)   /* tokens count up, and begin anew after eviction */
#define TOKENS_AFTER_LOAD  (MUTANT == 5)   /* the entry gets the tokens seen after the load */
#define FILL_UNDER_MARK    (MUTANT == 6 || FILL_AND_KEEP)   /* what was loaded under a mark is stored */
#define HIT_UNDER_MARK     (MUTANT == 7)   /* an entry is served although a tag bears a mark */
#define JOIN_ANY           (MUTANT == 8)   /* a load is shared whatever the tokens */
#define JOIN_UNDER_MARK    (MUTANT == 9)   /* a load is shared by readers that saw a mark */
#define EXPIRY_KEEPS       (MUTANT == 10 || FILL_AND_KEEP)  /* a mark past its deadline is removed, and the token stays */
#define BEFORE_COMMIT      (MUTANT == 11)  /* new tokens before COMMIT, nothing after */
#define EVICT_MARKED       (MUTANT == 12)  /* marked tags are evicted too */
#define UNMARK_WIPES       (MUTANT == 13)  /* a refused write removes all marks, the other writer's too */
#define SNAPSHOT_FILLS     (MUTANT == 14)  /* a reader inside an older snapshot fills */
#define RESEND_SAME_TOKEN  (MUTANT == 15)  /* the new token is the one that the client sent */
#define NO_LOCAL_BYPASS    (MUTANT == 16)  /* a process trusts the store in spite of its own queue */
#define BYPASS_ASKED_LATE  (MUTANT == 17)  /* the queue is asked after the lookup, not before */
#define QUEUE_FORGETS      (MUTANT == 18)  /* delivery removes what was queued again meanwhile */
#define DIRTY_FILLS        (MUTANT == 19)  /* a reader inside the writer's transaction fills */
#define NO_LINGER          (MUTANT == 20)  /* settling leaves no mark for the replica's lag */
#define ERROR_KEEPS        (MUTANT == 21)  /* a COMMIT that reported an error counts as rolled back */
#define ONE_TAG_COMPARED   (MUTANT == 22)  /* of two tags only the first is compared */
#define FILL_AND_KEEP      (MUTANT == 23)  /* FILL_UNDER_MARK and EXPIRY_KEEPS at once */

/* ---- The store, the database, the promise --------------------------------------------------------- */

#define BIT(n) (1 << (n))
#define ID(w)  (ONE_WRITER_ID -> 0 : (w))
#define NOBODY 3           /* the writer of no mark */
#define DIRTY  9           /* the version of a row that is written and not committed */

typedef Tokens { byte on[TAGS] };

Tokens token;              /* 0: no such tag. Tokens mean nothing but equal and not equal */
byte marks[TAGS];          /* one bit for each writer's id */
Tokens entry;              /* the tokens that the entry carries; 0: there is no entry */
byte version;              /* the data that the entry carries */

byte db;                   /* the database: a version that each commit raises */
byte replica;
byte at[2];                /* the version that a writer committed; 0: none yet */
bit over[2];               /* the writer has decided or is dead, so its marks may run out */
bit dead[2];               /* processes */
bit writing[2];            /* has written and not committed; only kept for DIRTY_FILLS */

byte promised[2];          /* per process: the newest version whose commit has returned */
byte witnessed;            /* the newest version that anybody may have seen: committed, after its marks */

typedef Queue { byte writer[TAGS]; bit again[TAGS]; bit fence[TAGS] };
Queue queue[2];            /* per process, per tag: 1 + the newest writer; queued again during a delivery */
byte owed[2];              /* the tags that the queue still owes for a writer */

Tokens saw[2], held[2];    /* per reader: the tokens that it goes by, and those of the entry it read */
byte flight[2], answer[2]; /* per reader: the load that it leads, and what came of it */
bit waits[2];              /* per reader: for the other's answer */

#if TAGS == 1
#define ALL(cond)  (cond(0))
#define ANY(cond)  (cond(0))
#else
#define ALL(cond)  (cond(0) && cond(1))
#define ANY(cond)  (cond(0) || cond(1))
#endif
#define QUEUED(t)  (queue[p].writer[t] != 0)
#define BLOCKED    (FAULTS && ANY(QUEUED))

/* ---- One change of one tag: tag.lua ---------------------------------------------------------------- */

hidden byte x, anew;       /* scratch within one step */

/* Tokens mean nothing but equal and not equal, so after each step that ends or begins one they are
 * numbered anew, in the order of who holds them. States that differ only in the numbers are then one
 * state, a fresh token is simply a number that nobody holds, and the model stays finite however long
 * it runs: what nobody remembers is as good as what never was. */
#define FRESH  99
#define SENT   100         /* a token that a client has drawn; only with RESEND_SAME_TOKEN */

c_code {
	static void tidy(void) {
		int t, i;
		for (t = 0; t < TAGS; t++) {
			uchar number[SENT] = {0}, n = 0;
			uchar *holders[] = {
				&now.token.on[t], &now.entry.on[t], &now.saw[0].on[t], &now.saw[1].on[t],
				&now.held[0].on[t], &now.held[1].on[t],
			};
			for (i = 0; i < 6; i++) {
				uchar *h = holders[i];
				if (COUNTERS || *h == 0 || *h >= SENT) continue;
				if (number[*h] == 0) number[*h] = ++n;
				*h = number[*h];
			}
		}
	}
}

inline renew(t) {
	token.on[t] = (COUNTERS -> token.on[t] + 1 : FRESH);
	printf("say: tag %d: a new token\n", t);
	c_code { tidy(); }
}

/* There is no clock: whoever changes a tag may find any mark past its deadline that may be so by then.
 * Lookups don't look at deadlines, so nothing depends on when a deadline passed, only on who met it. A
 * mark is taken to outlast the replica's lag (README.md, assumptions). */
#define RUNS_OUT(id) (STALL || (over[id] && (!ONE_WRITER_ID || over[1]) && (!REPLICA || replica >= at[id])))

inline change(t, own, fresh, stays) {
	anew = fresh || token.on[t] == 0;
	marks[t] = marks[t] & (15 - BIT(own));
	x = 0;
	do
	:: x < 2 ->
		if
		:: (marks[t] & BIT(x)) && RUNS_OUT(x) ->
			marks[t] = marks[t] - BIT(x);
			printf("say: tag %d: writer %d's mark has run out\n", t, x);
			anew = anew || !EXPIRY_KEEPS
		:: true
		fi;
		x++
	:: else -> break
	od;
	if
	:: anew -> renew(t)
	:: else
	fi;
	if
	:: stays -> marks[t] = marks[t] | BIT(own); printf("say: tag %d: writer %d's mark is set\n", t, own)
	:: else
	fi
}

inline settle(t, w, stays) {
	printf("say: tag %d: settled for writer %d\n", t, w);
	change(t, ID(w), !SETTLE_KEEPS, stays);
	if
	:: RESEND_SAME_TOKEN -> token.on[t] = SENT + w
	:: SETTLE_WIPES -> marks[t] = 0
	:: else
	fi
}

/* ---- A writer: mark, COMMIT, settle ---------------------------------------------------------------- */

#define TOUCHES(w, t) (((w) == 0 -> TAGS_0 : TAGS_1) & BIT(t))
#define FENCES(w)     (FOREIGN && (w) == 0)
#define LINGERS       (REPLICA && !NO_LINGER)
/* While its process's queue is not empty, AllowStale does not even try to mark. */
#define UNMARKED      (NO_MARKS || (BY_HAND && w == 1) || (BLOCKED && !FAIL_WRITE && !FENCES(w)))

inline take_effect() {
	db++;
	printf("say: the database: version %d by writer %d is committed\n", db, w);
	at[w] = db;
	if
	:: marked -> witnessed = db
	:: else
	fi
}

inline promise(p, v) {
	if
	:: v > promised[p] -> promised[p] = v
	:: else
	fi
}

inline enqueue(fenced) {
	x = 0;
	do
	:: x < TAGS ->
		if
		:: TOUCHES(w, x) ->
			queue[p].writer[x] = w + 1;
			queue[p].again[x] = 1;
			queue[p].fence[x] = queue[p].fence[x] || fenced
		:: else
		fi;
		x++
	:: else -> break
	od;
	owed[w] = (w == 0 -> TAGS_0 : TAGS_1)
}

/* COMMIT returns to the caller (or invalidate.Tables does). What is queued is promised to the own
 * process only; to the others once it lands. */
inline returns() {
	printf("say: writer %d: COMMIT returns: success %d, version %d, queued %d\n", w, ok, at[w], failed);
	if
	:: failed -> enqueue(0)
	:: else
	fi;
	if
	:: ok && owed[w] == 0 -> promise(0, at[w]); promise(1, at[w])
	:: ok && owed[w] != 0 -> promise(p, at[w])
	:: else
	fi;
	t = 0; failed = 0; marked = 0; ok = 0
}

inline die() {
	printf("say: writer %d: killed\n", w);
	over[w] = 1; dead[p] = FAULTS; writing[w] = 0;
	t = 0; failed = 0; marked = 0; late = 0
}

proctype Writer(byte w; byte p) {
	byte t;
	bit failed;            /* a call of the store has reported an error */
	bit marked;            /* all marks have landed */
	bit ok;                /* COMMIT has reported success */
	bit late;              /* it has reported an error, and is still on its way */

	/* Mark. A transaction that the plugin does not follow is fenced: a new token, and a mark that is
	 * left to run out. */
	do
	:: atomic { t == 0 && UNMARKED -> marked = NO_MARKS; break }
	:: atomic { t < TAGS && !UNMARKED ->
		if
		:: !TOUCHES(w, t)
		:: TOUCHES(w, t) -> change(t, ID(w), FENCES(w) || BEFORE_COMMIT, !BEFORE_COMMIT)
		:: TOUCHES(w, t) && FAULTS -> failed = 1; printf("say: writer %d: a mark fails\n", w)    /* did not land */
		:: TOUCHES(w, t) && FAULTS -> failed = 1; change(t, ID(w), FENCES(w), 1)      /* did */
		fi;
		t++;
		if
		:: t < TAGS
		:: t == TAGS ->
			t = 0;
			writing[w] = DIRTY_FILLS;
			if
			:: failed && FENCES(w) -> failed = 0; enqueue(1); break
			:: failed && FAIL_WRITE && !FENCES(w) -> failed = 0; over[w] = 1; goto refused
			:: failed && !FAIL_WRITE && !FENCES(w) -> failed = 0; break
			:: !failed -> marked = 1; break
			fi
		fi }
	:: atomic { DEATH -> die(); goto end }
	od;

	if
	:: atomic { take_effect(); ok = 1; over[w] = 1; writing[w] = 0 }
	:: atomic { ERRORS -> take_effect(); over[w] = 1; writing[w] = 0 }
	:: atomic { ERRORS -> over[w] = 1; writing[w] = 0 }
	:: atomic { LATE_COMMIT -> late = 1 }
	:: atomic { DEATH -> die(); goto end }
	fi;

	/* Settle. Of a foreign COMMIT nobody is told: the fence must do. */
	do
	:: atomic { t == 0 && (FENCES(w) || BEFORE_COMMIT) -> returns(); break }
	:: atomic { t == 0 && BLOCKED && !FENCES(w) -> failed = 1; returns(); break }
	:: atomic { t < TAGS && !FENCES(w) && !BEFORE_COMMIT && !(t == 0 && BLOCKED) ->
		if
		:: !TOUCHES(w, t)
		:: TOUCHES(w, t) && !(ERROR_KEEPS && !ok) -> settle(t, w, LINGERS || (late && ERROR_FENCES))
		:: TOUCHES(w, t) && ERROR_KEEPS && !ok -> change(t, ID(w), 0, 0)
		:: TOUCHES(w, t) && FAULTS -> failed = 1
		:: TOUCHES(w, t) && FAULTS -> failed = 1; settle(t, w, LINGERS)
		fi;
		t++;
		if
		:: t < TAGS
		:: t == TAGS && !late -> returns(); break
		:: t == TAGS && late -> t = 0; break
		fi }
	:: atomic { t < TAGS && RESEND && TOUCHES(w, t) -> settle(t, w, LINGERS) }    /* and again, later */
	:: atomic { DEATH -> die(); goto end }
	od;

	/* After its caller was told of an error, the server carries the COMMIT out, or it does not. */
	if
	:: atomic { late -> take_effect(); late = 0; over[w] = 1 }
	:: atomic { late -> late = 0; over[w] = 1 }
	:: atomic { !late -> goto end }
	fi;
	goto end;

refused: /* FailWrite: roll back, and remove the own marks where they landed. A tag that is gone is passed over. */
	do
	:: atomic { t < TAGS ->
		if
		:: TOUCHES(w, t) && token.on[t] != 0 ->
			change(t, ID(w), 0, 0);
			if
			:: UNMARK_WIPES -> marks[t] = 0
			:: else
			fi
		:: true
		fi;
		t++ }
	:: atomic { t == TAGS -> t = 0; writing[w] = 0; break }
	od;

end:	false
}

/* ---- The worker that delivers what is queued -------------------------------------------------------- */

#if FAULTS
#define STAYS (LINGERS || (QUEUE_KEEPS_FENCE && queue[p].fence[t]))

/* The delivery has succeeded: what was not queued again meanwhile is done. */
inline delivered() {
	printf("say: process %d: delivered, failed %d\n", p, failed);
	t = 0;
	do
	:: t < TAGS ->
		if
		:: batch[t] != 0 && !failed && (!queue[p].again[t] || QUEUE_FORGETS) ->
			queue[p].writer[t] = 0;
			queue[p].fence[t] = 0;
			x = 0;
			do
			:: x < 2 ->
				if
				:: (x == 0 -> 0 : PROCESS_OF_WRITER_1) == p && (owed[x] & BIT(t)) ->
					owed[x] = owed[x] - BIT(t);
					if
					:: owed[x] == 0 && at[x] <= promised[p] -> promise(0, at[x]); promise(1, at[x])
					:: else
					fi
				:: else
				fi;
				x++
			:: else -> break
			od
		:: else
		fi;
		queue[p].again[t] = 0;
		batch[t] = 0;
		t++
	:: else -> break
	od;
	t = 0; failed = 0
}

proctype Worker(byte p) {
	byte t;
	byte batch[TAGS];
	bit failed;
end:
	do
	:: atomic { BLOCKED && !dead[p] ->
		t = 0;
		do
		:: t < TAGS -> batch[t] = queue[p].writer[t]; queue[p].again[t] = 0; t++
		:: else -> break
		od;
		t = 0 }
		do
		:: atomic { t < TAGS && !dead[p] ->
			if
			:: batch[t] == 0
			:: batch[t] != 0 -> settle(t, (batch[t] - 1), STAYS)
			:: batch[t] != 0 -> failed = 1
			:: batch[t] != 0 -> failed = 1; settle(t, (batch[t] - 1), STAYS)
			fi;
			t++ }
		:: atomic { t == TAGS && !dead[p] -> delivered(); break }   /* later than it landed: a step of its own */
		od
	od
}
#endif

/* ---- A reader: one read after another, for ever ----------------------------------------------------- */

/* Only a hit and a shared answer can be old; what a reader loads for itself cannot. */
inline check(v) {
	printf("say: reader %d: served version %d; returned before it began: %d, to be seen: %d\n", r, v, least, seen);
	assert(v <= db);                   /* never what was not committed */
	assert(v >= least);                /* a commit that returned before the read began */
#ifndef ONLY_RETURNED
	assert(v >= seen);                 /* a commit that somebody may have seen before the read began */
#endif
}

#define Normal       1
#define Refresh      2
#define OnlyIfCached 3

#define MATCHES(t) (held[r].on[t] == saw[r].on[t] || (ONE_TAG_COMPARED && t > 0))
#define KNOWN(t)   (saw[r].on[t] != 0)
#define SAME(t)    (saw[r].on[t] == saw[1-r].on[t])
#define ENTRY      BIT(TAGS)
#define LOADING    1
#define LANDED     2
#define ABANDONED  99
#define JOINABLE   (flight[1-r] && p == (r == 0 -> PROCESS_OF_READER_1 : PROCESS_OF_READER_0) && (ALL(SAME) || JOIN_ANY))

#if TAGS == 1
inline copy(from, to) { to.on[0] = from.on[0] }
inline clear(tokens)  { tokens.on[0] = 0 }
#else
inline copy(from, to) { to.on[0] = from.on[0]; to.on[1] = from.on[1] }
inline clear(tokens)  { tokens.on[0] = 0; tokens.on[1] = 0 }
#endif

inline finish() {
	flight[r] = 0; clear(saw[r]); clear(held[r]); c_code { tidy(); };
	least = 0; seen = 0; v = 0; t = 0; done = 0; mode = 0; unclean = 0; marked = 0; snapshot = 0;
	goto end
}

/* The lookup is complete: a hit, if all tokens are equal and no tag bears a mark. */
inline complete(part) {
	done = done | part;
	if
	:: done == ENTRY + BIT(TAGS) - 1 ->
		done = 0;
		if
		:: mode != Refresh && !unclean && ALL(MATCHES) && !(BYPASS_ASKED_LATE && BLOCKED) -> check(v); finish()
		:: else -> v = 0; clear(held[r]); c_code { tidy(); }
		fi;
		if
		:: mode == OnlyIfCached -> finish()
		:: mode != OnlyIfCached && !unclean -> goto fetch
		:: else -> unclean = 0; goto tokens
		fi
	:: else
	fi
}

inline look(t) {
	saw[r].on[t] = token.on[t];
	printf("say: reader %d: looks at tag %d: token %d, marks %d\n", r, t, token.on[t], marks[t]);
	unclean = unclean || token.on[t] == 0 || (marks[t] != 0 && !HIT_UNDER_MARK);
	complete(BIT(t))
}

inline land(v) {
	if
	:: waits[1-r] -> waits[1-r] = 0; answer[1-r] = v
	:: else
	fi
}

proctype Reader(byte r; byte p) {
	byte mode;
	byte least, seen;      /* what the read may expect */
	byte v;                /* the version that it found */
	byte t;
	byte done;             /* the parts of the lookup that have been read */
	bit unclean;           /* a tag is missing or marked */
	bit marked;            /* and still marked after Tokens */
	byte snapshot;

end:	/* The read starts. What waits in the own process's queue is bypassed. */
	atomic {
		if
		:: ANY_MODE -> mode = Normal
		:: ANY_MODE && !FLIGHTS -> mode = Refresh
		:: !ANY_MODE && r == 0 -> mode = Refresh
		:: !ANY_MODE && r == 1 -> mode = OnlyIfCached
		fi;
		if
		:: BLOCKED && !NO_LOCAL_BYPASS && !BYPASS_ASKED_LATE -> finish()
		:: mode == Refresh -> done = ENTRY    /* no need to read it */
		:: else -> least = promised[p]; seen = (REPLICA -> 0 : witnessed)
		fi;
		snapshot = (SNAPSHOT_FILLS -> db : 0);
		printf("say: reader %d: begins\n", r)
	}

	/* Lookup: the entry and its tags are read one by one, in any order. */
	do
	:: atomic { !(done & ENTRY) -> v = version; printf("say: reader %d: looks at the entry: version %d, token %d\n", r, v, entry.on[0]); copy(entry, held[r]); complete(ENTRY) }
	:: atomic { !(done & BIT(0)) -> look(0) }
#if TAGS > 1
	:: atomic { !(done & BIT(1)) -> look(1) }
#endif
	od;

tokens:	/* Missing tags are made, marks past their deadline removed; bypass where a mark is left. */
	do
	:: atomic {
		change(t, NOBODY, 0, 0);
		saw[r].on[t] = token.on[t];
		printf("say: reader %d: tokens: tag %d, token %d, marks %d\n", r, t, token.on[t], marks[t]);
		marked = marked || marks[t] != 0;
		t++;
		if
		:: t < TAGS
		:: t == TAGS && marked && !FILL_UNDER_MARK && !JOIN_UNDER_MARK -> finish()
		:: else -> t = 0; break
		fi }
	od;

fetch:	/* A load is shared between readers that saw the same tokens. */
#if FLIGHTS
	if
	:: atomic { JOINABLE && flight[1-r] == LANDED -> check(answer[1-r]); finish() }
	:: atomic { JOINABLE && flight[1-r] == LOADING -> waits[r] = 1 }
		atomic { !waits[r] ->
			v = answer[r];
			answer[r] = 0;
			if
			:: v == ABANDONED -> v = 0; goto fetch
			:: else -> check(v); finish()
			fi }
	:: atomic { !JOINABLE -> flight[r] = LOADING }
	fi;
#endif
	/* The load sees the database of one moment. Those who wait get the answer at once. */
	atomic {
		if
		:: REPLICA -> v = replica
		:: SNAPSHOT_FILLS -> v = snapshot
		:: !REPLICA && !SNAPSHOT_FILLS -> v = db
		:: DIRTY_FILLS && (writing[0] || writing[1]) -> v = DIRTY
		:: FLIGHTS -> land(ABANDONED); finish()      /* the leader's failure is no answer for others */
		fi;
		printf("say: reader %d: loads version %d\n", r, v);
		if
		:: FLIGHTS -> land(v); flight[r] = LANDED; answer[r] = v
		:: else
		fi
	}
	/* Fill, at any time later. */
	atomic {
		if
		:: TOKENS_AFTER_LOAD -> copy(token, saw[r])
		:: else
		fi;
		if
		:: ALL(KNOWN) && !(marked && JOIN_UNDER_MARK) -> version = v; copy(saw[r], entry); printf("say: reader %d: fills version %d\n", r, v)
		:: else
		fi;
		answer[r] = 0;
		finish()
	}
}

/* ---- What else happens ------------------------------------------------------------------------------ */

#define EVICTABLE(t) (EVICTION && token.on[t] != 0 && (marks[t] == 0 || EVICT_MARKED))

/* Eviction, the readers of other processes that meet missing tags and old marks, and invalidation by
 * hand of what has not changed. */
active proctype Anybody() {
#define p 0
end:
	do
	:: atomic { EVICTION && entry.on[0] != 0 -> version = 0; clear(entry); c_code { tidy(); } }
	:: atomic { EVICTABLE(0) -> token.on[0] = 0; marks[0] = 0; c_code { tidy(); } }
	:: atomic { token.on[0] == 0 || marks[0] != 0 -> change(0, NOBODY, 0, 0) }
	:: atomic { RENEWALS -> change(0, NOBODY, 1, 0) }
#if TAGS > 1
	:: atomic { EVICTABLE(1) -> token.on[1] = 0; marks[1] = 0; c_code { tidy(); } }
	:: atomic { token.on[1] == 0 || marks[1] != 0 -> change(1, NOBODY, 0, 0) }
	:: atomic { RENEWALS -> change(1, NOBODY, 1, 0) }
#endif
#if REPLICA
	:: atomic { replica < db -> replica++ }
#endif
	od
#undef p
}

init {
	atomic {
		run Writer(0, 0);
		run Writer(1, PROCESS_OF_WRITER_1);
#if FAULTS
		run Worker(0);
		run Worker(1);
#endif
		run Reader(0, PROCESS_OF_READER_0);
		run Reader(1, PROCESS_OF_READER_1);
	}
}
