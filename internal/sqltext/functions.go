package sqltext

import "strings"

// The lists below name functions by what calling them means. A name that is missing makes a text
// opaque, one too many in a pure list makes it stale: when in doubt, leave it out.
//
// Where to look a name up, and up to which version the lists go: SQLite 3.54 ("Built-In Scalar SQL Functions", "Date And Time
// Functions", "JSON Functions And Operators"), PostgreSQL 18 (chapter 9, "Functions and Operators"), MySQL 9
// ("Built-In Function and Operator Reference") and MariaDB 12 ("Built-in Functions"). The databases that tests run on are
// asked themselves: none of the pure ones is, to SQLite, not deterministic (pragma_function_list), to PostgreSQL
// volatile (pg_proc), or to MariaDB unfit for a stored column; see tests/catalog.

// commonPure are pure wherever they exist; types with a length are among them: varchar(10).
const commonPure = `
abs acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh cot degrees exp floor ln log log10
log2 mod pi pow power radians round sign sin sinh sqrt tan tanh trunc
avg count max min sum total bit_and bit_or bit_xor group_concat string_agg array_agg stddev stddev_pop
stddev_samp var_pop var_samp variance every bool_and bool_or
row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
coalesce nullif ifnull greatest least cast
ascii char char_length character_length chr concat concat_ws hex instr left length lower lpad ltrim
octet_length overlay position quote repeat replace reverse right rpad rtrim substr substring translate
trim unhex upper md5 soundex bit_length
extract grouping rollup cube interval
json_array json_object json_valid json_extract json_type json_array_length json_quote
bigint binary bit character date datetime dec decimal double float int integer nchar numeric nvarchar
real smallint time timestamp tinyint varbinary varchar varying
`

// commonVolatile are not, whatever the dialect.
const commonVolatile = `
now random rand uuid changes connection_id current_date current_time current_timestamp current_user
current_role curdate curtime database schema found_rows getdate last_insert_id last_insert_rowid
lastval nextval currval setval localtime localtimestamp newid row_count session_user sleep sysdate
system_user total_changes user utc_date utc_time utc_timestamp version
`

const postgresPure = `
any_value array_append array_cat array_dims array_fill array_length array_lower
array_ndims array_position array_positions array_prepend array_remove array_replace array_to_json
array_to_string array_upper bool boolean box bpchar brin btrim cardinality cbrt center circle
convert convert_from convert_to corr covar_pop covar_samp crc32 date_bin date_part date_trunc decode
diagonal diameter div encode enum_first enum_last enum_range erf erfc factorial family format
gcd get_bit get_byte height host hostmask initcap int2 int4 int8 float4 float8 isclosed isempty
isfinite isopen json_agg json_agg_strict json_array_element json_build_array json_build_object
json_exists json_extract_path json_extract_path_text json_object_agg json_object_agg_unique json_query
json_scalar json_serialize json_strip_nulls json_typeof json_value jsonb jsonb_agg jsonb_agg_strict
jsonb_array_length jsonb_build_array jsonb_build_object jsonb_concat jsonb_contains jsonb_delete
jsonb_exists jsonb_exists_all jsonb_exists_any jsonb_extract_path jsonb_extract_path_text jsonb_insert
jsonb_object jsonb_object_agg jsonb_path_exists jsonb_path_match jsonb_path_query_array
jsonb_path_query_first jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_typeof
justify_days justify_hours justify_interval lcm like lower_inc lower_inf make_date make_interval
make_time make_timestamp make_timestamptz masklen min_scale mode money multirange name
netmask network normalize num_nonnulls num_nulls numnode numrange int4range int8range tsrange
tstzrange daterange parse_ident path percentile_cont percentile_disc phraseto_tsquery plainto_tsquery
point polygon popen pclose querytree quote_ident quote_literal quote_nullable radius range_agg
range_intersect_agg range_merge regexp_count regexp_instr regexp_like regexp_match regexp_replace
regexp_split_to_array regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
regr_sxx regr_sxy regr_syy row_to_json scale set_bit set_byte set_masklen setweight sha224 sha256
sha384 sha512 split_part starts_with string_to_array strip strpos substring text timestamptz
timezone to_ascii to_bin to_char to_date to_hex to_json to_jsonb to_number to_oct to_timestamp
to_tsquery to_tsvector trim_array trim_scale ts_delete ts_filter ts_headline ts_rank ts_rank_cd
tsquery_phrase tsvector_to_array array_to_tsvector unicode_assigned unistr upper_inc
upper_inf uuid_extract_timestamp uuid_extract_version varbit websearch_to_tsquery width width_bucket
xmlagg xmlcomment bytea json overlaps tsvector tsquery
`

// postgresRows may stand behind FROM.
const postgresRows = `
generate_series generate_subscripts json_array_elements json_array_elements_text json_each
json_each_text json_object_keys json_populate_record json_populate_recordset json_to_record
json_to_recordset jsonb_array_elements jsonb_array_elements_text jsonb_each jsonb_each_text
jsonb_object_keys jsonb_path_query jsonb_populate_record jsonb_populate_recordset jsonb_to_record
jsonb_to_recordset regexp_matches regexp_split_to_table string_to_table unnest
`

const postgresVolatile = `
array_sample array_shuffle clock_timestamp current_catalog current_database current_query current_schema current_schemas
current_setting pg_notify pg_sleep pg_sleep_for pg_sleep_until pg_backend_pid pg_trigger_depth
pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all
pg_advisory_unlock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock
pg_try_advisory_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared
pg_current_xact_id pg_current_snapshot txid_current txid_current_if_assigned txid_current_snapshot
gen_random_uuid gen_random_bytes has_any_column_privilege has_column_privilege
has_database_privilege has_function_privilege has_schema_privilege has_sequence_privilege
has_table_privilege inet_client_addr inet_client_port inet_server_addr inet_server_port
random_normal row_security_active set_config setseed statement_timestamp timeofday timetz
transaction_timestamp uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 uuidv4 uuidv7
`

const mysqlPure = `
adddate addtime aes_decrypt aes_encrypt any_value bin bin_to_uuid bit_count compress conv convert
convert_tz crc32 date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear elt
export_set extractvalue field find_in_set format format_bytes format_pico_time from_base64 from_days
from_unixtime geometry get_format glength hour if inet6_aton inet6_ntoa inet_aton inet_ntoa insert
is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_uuid isnull json_arrayagg json_array_append
json_array_insert json_compact json_contains json_contains_path json_depth json_detailed json_equals
json_exists json_insert json_keys json_length json_loose json_merge json_merge_patch
json_merge_preserve json_normalize json_objectagg json_overlaps json_pretty json_query json_remove
json_replace json_search json_set json_storage_size json_unquote json_value last_day lcase locate
make_set makedate maketime match against microsecond mid minute month monthname natural_sort_key oct
ord period_add period_diff point polygon linestring quarter regexp_instr regexp_like regexp_replace
regexp_substr sec_to_time second sformat sha sha1 sha2 signed soundex space std str_to_date strcmp
subdate substring_index subtime time_format time_to_sec timediff timestampadd timestampdiff to_base64
to_char to_days to_seconds trim truncate ucase uncompress uncompressed_length unsigned updatexml
uuid_to_bin values value week weekday weekofyear weight_string year yearweek median percentile_cont
percentile_disc nvl nvl2 decode lengthb
st_area st_asbinary st_asgeojson st_astext st_aswkb st_aswkt st_buffer st_centroid st_contains
st_convexhull st_crosses st_difference st_dimension st_disjoint st_distance st_distance_sphere
st_endpoint st_envelope st_equals st_exteriorring st_geohash st_geomfromgeojson st_geomfromtext
st_geomfromwkb st_geometryn st_geometrytype st_interiorringn st_intersection st_intersects st_isclosed
st_isempty st_issimple st_isvalid st_latitude st_length st_longitude st_makeenvelope
st_numgeometries st_numinteriorrings st_numpoints st_overlaps st_pointfromtext st_pointn st_simplify
st_srid st_startpoint st_symdifference st_touches st_transform st_union st_within st_x st_y
mbrcontains mbrcoveredby mbrcovers mbrdisjoint mbrequals mbrintersects mbroverlaps mbrtouches mbrwithin
`

const mysqlVolatile = `
benchmark get_lock is_free_lock is_used_lock release_lock release_all_locks load_file
master_pos_wait master_gtid_wait random_bytes source_pos_wait sys_guid uuid_short uuid_v4 uuid_v7
wait_for_executed_gtid_set ps_current_thread_id ps_thread_id current_catalog encrypt
`

const sqlitePure = `
format glob if iif likelihood likely like match unlikely typeof printf unicode zeroblob concat
octet_length string_agg percentile percentile_cont percentile_disc median unistr unistr_quote
json jsonb
json_array_insert jsonb_array jsonb_extract json_insert jsonb_insert json_error_position
json_group_array jsonb_group_array json_group_object jsonb_group_object json_object jsonb_object
json_patch jsonb_patch json_pretty json_remove jsonb_remove json_replace jsonb_replace json_set
jsonb_set highlight snippet bm25 subtype raise
`

const (
	sqliteRows     = `json_each json_tree jsonb_each jsonb_tree generate_series`
	sqliteDate     = `date time datetime julianday strftime unixepoch timediff`
	sqliteVolatile = `randomblob sqlite_compileoption_get sqlite_compileoption_used sqlite_source_id sqlite_version
sqlite_offset`
)

// Common names that a dialect does not have: an application may give them to functions that write.
const (
	postgresLacks = `
log2 total group_concat ifnull hex instr quote unhex json_array json_valid json_extract json_type
json_quote binary datetime double nvarchar tinyint varbinary rand changes connection_id curdate curtime
database schema found_rows getdate last_insert_id last_insert_rowid newid row_count sleep sysdate
total_changes utc_date utc_time utc_timestamp
`
	mysqlLacks = `
acosh asinh atanh cosh sinh tanh total string_agg array_agg every bool_and bool_or overlay translate
json_array_length random changes getdate last_insert_rowid currval newid total_changes
`
)

// words without parentheses that differ from run to run.
const (
	wordsEverywhere = `current_date current_time current_timestamp current_user current_role session_user
localtime localtimestamp`
	wordsPostgres = `user current_catalog current_schema system_user`
	wordsMySQL    = `utc_date utc_time utc_timestamp sysdate sql_calc_found_rows`
)

var (
	commonFunctions  = effects(nil, fPure, commonPure)
	dialectFunctions [MySQL + 1]map[string]effect
	volatileWords    [MySQL + 1]map[string]bool
)

func init() {
	effects(commonFunctions, fVolatile, commonVolatile)
	pg := effects(effects(nil, fUnknown, postgresLacks), fPure, postgresPure)
	effects(pg, fRows, postgresRows)
	effects(pg, fVolatile, postgresVolatile)
	pg["age"] = fClock1 // age(t) counts from today
	my := effects(effects(nil, fUnknown, mysqlLacks), fPure, mysqlPure)
	effects(my, fVolatile, mysqlVolatile)
	my["unix_timestamp"] = fClock
	lite := effects(nil, fPure, sqlitePure)
	effects(lite, fRows, sqliteRows)
	effects(lite, fDate, sqliteDate)
	effects(lite, fVolatile, sqliteVolatile)
	dialectFunctions = [...]map[string]effect{Unknown: {}, SQLite: lite, Postgres: pg, MySQL: my}

	all := words(wordsEverywhere)
	volatileWords = [...]map[string]bool{Unknown: all, SQLite: words("current_date current_time current_timestamp"),
		Postgres: words(wordsEverywhere + " " + wordsPostgres), MySQL: words(wordsEverywhere + " " + wordsMySQL)}
}

func effects(m map[string]effect, e effect, list string) map[string]effect {
	if m == nil {
		m = make(map[string]effect)
	}
	for name := range strings.FieldsSeq(list) {
		m[name] = e
	}
	return m
}

func words(list string) map[string]bool {
	m := make(map[string]bool)
	for word := range strings.FieldsSeq(list) {
		m[word] = true
	}
	return m
}
