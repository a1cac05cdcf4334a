-- The function of the layouts writes dates into statements. Under a DateStyle of the role or the database such as
-- 'SQL, YMD' the server cannot read what it has written itself. A schema that is new gets this with its layout.
do $style$
begin
    if to_regprocedure('{schema}.keep_retention()') is not null then
        alter function {schema}.keep_retention() set datestyle = 'ISO';
        alter function {schema}.keep_retention() set intervalstyle = 'postgres';
    end if;
end
$style$;
