"""The examples of the documentation of annotated CSV, and the lines that ``influx write dryrun`` makes of them.

Where the documentation shows other lines than the command writes (an integer without its ``i``), the command is right.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DOCUMENTED", "Example"]


@dataclass(frozen=True, slots=True)
class Example:
    """An example.

    Attributes:
        name: what it is about.
        text: the CSV.
        lines: the line protocol.
        header: lines to put before it.
        skip_header: lines of it to leave out.
    """

    name: str
    text: str
    lines: str
    header: tuple[str, ...] = ()
    skip_header: int = 0


_RANGE = "2020-02-25T22:17:54.068926364Z,2020-02-25T22:22:54.068926364Z"

DOCUMENTED = (
    Example(
        "result of a query, in two tables",
        f"""#group,false,false,true,true,false,false,true,true,true,true
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string,string
#default,_result,,,,,,,,,
,result,table,_start,_stop,_time,_value,_field,_measurement,cpu,host
,,0,{_RANGE},2020-02-25T22:17:57Z,0,time_steal,cpu,cpu1,rsavage.prod
,,0,{_RANGE},2020-02-25T22:18:07Z,0,time_steal,cpu,cpu1,rsavage.prod

#group,false,false,true,true,false,false,true,true,true,true
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string,string
#default,_result,,,,,,,,,
,result,table,_start,_stop,_time,_value,_field,_measurement,cpu,host
,,1,{_RANGE},2020-02-25T22:18:01Z,2.7263631815907954,usage_user,cpu,cpu-total,tahoecity.prod
,,1,{_RANGE},2020-02-25T22:18:11Z,2.247752247752248,usage_user,cpu,cpu-total,tahoecity.prod
""",
        """cpu,cpu=cpu1,host=rsavage.prod time_steal=0 1582669077000000000
cpu,cpu=cpu1,host=rsavage.prod time_steal=0 1582669087000000000
cpu,cpu=cpu-total,host=tahoecity.prod usage_user=2.7263631815907954 1582669081000000000
cpu,cpu=cpu-total,host=tahoecity.prod usage_user=2.247752247752248 1582669091000000000
""",
    ),
    Example(
        "result of a query without its range",
        """#group,false,false,false,false,true,true
#datatype,string,long,dateTime:RFC3339,double,string,string
#default,_result,,,,,
,result,table,_time,_value,_field,_measurement
,,0,2020-12-18T18:16:11Z,72.7,temp,sensorData
,,0,2020-12-18T18:16:21Z,73.8,temp,sensorData
""",
        """sensorData temp=72.7 1608315371000000000
sensorData temp=73.8 1608315381000000000
""",
    ),
    Example(
        "datatype",
        """#datatype measurement,tag,tag,double,double,ignored,dateTime:number
m,cpu,host,time_steal,usage_user,nothing,time
cpu,cpu1,rsavage.prod,0,2.7,a,1482669077000000000
cpu,cpu1,rsavage.prod,0,2.2,b,1482669087000000000
""",
        """cpu,cpu=cpu1,host=rsavage.prod time_steal=0,usage_user=2.7 1482669077000000000
cpu,cpu=cpu1,host=rsavage.prod time_steal=0,usage_user=2.2 1482669087000000000
""",
    ),
    Example(
        "types in the header",
        """m|measurement,cpu|tag,host|tag,time_steal|double,usage_user|double,nothing|ignored,time|dateTime:number
cpu,cpu1,rsavage.prod,0,2.7,a,1482669077000000000
cpu,cpu1,rsavage.prod,0,2.2,b,1482669087000000000
""",
        """cpu,cpu=cpu1,host=rsavage.prod time_steal=0,usage_user=2.7 1482669077000000000
cpu,cpu=cpu1,host=rsavage.prod time_steal=0,usage_user=2.2 1482669087000000000
""",
    ),
    Example(
        "types and defaults",
        """#datatype measurement,tag,string,double,boolean,long,unsignedLong,duration,dateTime
#default test,annotatedDatatypes,,,,,,
m,name,s,d,b,l,ul,dur,time
,,str1,1.0,true,1,1,1ms,1
,,str2,2.0,false,2,2,2us,2020-01-11T10:10:10Z
""",
        """test,name=annotatedDatatypes s="str1",d=1,b=true,l=1i,ul=1u,dur=1000000i 1
test,name=annotatedDatatypes s="str2",d=2,b=false,l=2i,ul=2u,dur=2000i 1578737410000000000
""",
    ),
    Example(
        "types and defaults in the header",
        "m|measurement|test,name|tag|annotatedDatatypes,s|string,d|double,b|boolean,l|long,ul|unsignedLong,"
        "dur|duration,time|dateTime\n"
        ",,str1,1.0,true,1,1,1ms,1\n"
        ",,str2,2.0,false,2,2,2us,2020-01-11T10:10:10Z\n",
        """test,name=annotatedDatatypes s="str1",d=1,b=true,l=1i,ul=1u,dur=1000000i 1
test,name=annotatedDatatypes s="str2",d=2,b=false,l=2i,ul=2u,dur=2000i 1578737410000000000
""",
    ),
    Example(
        "constants, a time zone and formats",
        """#constant measurement,test
#constant tag,name,datetypeFormats
#timezone -0500
t|dateTime:2006-01-02|1970-01-02,"d|double:,. ","b|boolean:y,Y:n,N|y"
1970-01-01,"123.456,78",
,"123 456,78",Y
""",
        """test,name=datetypeFormats d=123456.78,b=true 18000000000000
test,name=datetypeFormats d=123456.78,b=true 104400000000000
""",
    ),
    Example(
        "constants, a time zone and formats as annotations",
        """#constant measurement,test
#constant tag,name,datetypeFormats
#timezone -0500
#datatype dateTime:2006-01-02|1970-01-02,"double:,. ","boolean:y,Y:n,N|y"
t,d,b
1970-01-01,"123.456,78",
,"123 456,78",Y
""",
        """test,name=datetypeFormats d=123456.78,b=true 18000000000000
test,name=datetypeFormats d=123456.78,b=true 104400000000000
""",
    ),
    Example(
        "a separator of its own",
        """sep=;
m|measurement;available|boolean:y,Y:|n;dt|dateTime:number
test;nil;1
test;N;2
test;";";3
test;;4
test;Y;5
""",
        """test available=false 1
test available=false 2
test available=false 3
test available=false 4
test available=true 5
""",
    ),
    Example(
        "defaults of a tag and of a field",
        """m|measurement,location|tag|Hong Kong,temp|double,pm|long|0,time|dateTime:RFC3339
weather,San Francisco,51.9,38,2020-01-01T00:00:00Z
weather,New York,18.2,,2020-01-01T00:00:00Z
weather,,53.6,171,2020-01-01T00:00:00Z
""",
        r"""weather,location=San\ Francisco temp=51.9,pm=38i 1577836800000000000
weather,location=New\ York temp=18.2,pm=0i 1577836800000000000
weather,location=Hong\ Kong temp=53.6,pm=171i 1577836800000000000
""",
    ),
    Example(
        "write command",
        """#datatype measurement,tag,double,dateTime:RFC3339
m,host,used_percent,time
mem,host1,64.23,2020-01-01T00:00:00Z
mem,host2,72.01,2020-01-01T00:00:00Z
""",
        """mem,host=host1 used_percent=64.23 1577836800000000000
mem,host=host2 used_percent=72.01 1577836800000000000
""",
    ),
    Example(
        "annotations that are put before a file",
        """date,sighted,loc
2020-01-01,12,Boise
2020-06-01,78,Boise
""",
        """birds,loc=Boise sighted=12i 1577836800000000000
birds,loc=Boise sighted=78i 1590969600000000000
""",
        header=("#constant measurement,birds", "#datatype dateTime:2006-01-02,long,tag"),
    ),
    Example(
        "a header in place of the file's",
        """m,count,time
example,1,2020-01-01T00:00:00Z
example,4,2020-01-02T00:00:00Z
example,,2020-01-03T00:00:00Z
""",
        """example count=1i 1577836800000000000
example count=4i 1577923200000000000
example count=0i 1578009600000000000
""",
        header=("m|measurement,count|long|0,time|dateTime:RFC3339",),
        skip_header=1,
    ),
    Example(
        "constants",
        """#constant measurement,example
#constant tag,source,csv
#datatype long,dateTime:RFC3339
count,time
1,2020-01-01T00:00:00Z
4,2020-01-02T00:00:00Z
""",
        """example,source=csv count=1i 1577836800000000000
example,source=csv count=4i 1577923200000000000
""",
    ),
    Example(
        "a column that is ignored",
        """#datatype measurement,long,time,ignored
m,count,time,foo
example,1,2020-01-01T00:00:00Z,bar
example,4,2020-01-02T00:00:00Z,bar
""",
        """example count=1i 1577836800000000000
example count=4i 1577923200000000000
""",
    ),
    Example(
        "floats with marks between thousands",
        """#datatype measurement,"double:.,",dateTime:RFC3339
m,lbs,time
example,"1,280.7",2020-01-01T00:00:00Z
example,"1,352.5",2020-01-02T00:00:00Z
""",
        """example lbs=1280.7 1577836800000000000
example lbs=1352.5 1577923200000000000
""",
    ),
    Example(
        "integers that are cut off",
        """#datatype measurement,"long:.,",dateTime:RFC3339
m,lbs,time
example,"1,280.0",2020-01-01T00:00:00Z
example,"2,014.9",2020-01-04T00:00:00Z
""",
        """example lbs=1280i 1577836800000000000
example lbs=2014i 1578096000000000000
""",
    ),
    Example(
        "unsigned integers that are cut off",
        """#datatype measurement,"unsignedLong:.,",dateTime:RFC3339
m,lbs,time
example,"1,280.0",2020-01-01T00:00:00Z
example,"2,014.9",2020-01-04T00:00:00Z
""",
        """example lbs=1280u 1577836800000000000
example lbs=2014u 1578096000000000000
""",
    ),
    Example(
        "truth in words of one's own",
        """#datatype measurement,"boolean:y,Y,1:n,N,0",dateTime:RFC3339
m,verified,time
example,y,2020-01-01T00:00:00Z
example,n,2020-01-02T00:00:00Z
example,1,2020-01-03T00:00:00Z
example,N,2020-01-04T00:00:00Z
""",
        """example verified=true 1577836800000000000
example verified=false 1577923200000000000
example verified=true 1578009600000000000
example verified=false 1578096000000000000
""",
    ),
    Example(
        "a layout of times, and values as they are",
        """#datatype measurement,dateTime:2006-01-02,field
m,time,lbs
example,2020-01-01,1280.7
example,2020-01-02,1352.5
""",
        """example lbs=1280.7 1577836800000000000
example lbs=1352.5 1577923200000000000
""",
    ),
    Example(
        "a time put together from columns",
        """#concat,dateTime:2006-01-02,${Year}-${Month}-${Day}
#constant,measurement,m
Year|ignored,Month|ignored,Day|ignored,Tag|tag,Value|long
2020,05,22,test,0
2020,05,23,test,1
""",
        """m,Tag=test Value=0i 1590105600000000000
m,Tag=test Value=1i 1590192000000000000
""",
    ),
    Example(
        "a text put together from columns",
        """#concat,string,fullName,${firstName} ${lastName}
#constant,measurement,m
firstName|tag,lastName|tag,t|dateTime:number
Ada,Lovelace,1
,Hopper,2
""",
        """m,firstName=Ada,lastName=Lovelace fullName="Ada Lovelace" 1
m,lastName=Hopper fullName=" Hopper" 2
""",
    ),
)
