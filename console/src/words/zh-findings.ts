// Chinese of what inference finds in a city and tells in English (services/inference/city): sentences with names and figures in them.

export const findings: readonly (readonly [RegExp, string])[] = [
  [/^a vehicle stands on (.+), (\d+) m along$/, "$1 上距起点 $2 米处有车辆停驶"],
  [/^a vehicle drives the wrong way on (.+), (\d+) m along$/, "$1 上距起点 $2 米处有车辆逆行"],
  [/^a queue has formed on (.+), (\d+) m along$/, "$1 上距起点 $2 米处形成排队"],
  [/^vehicles avoid a place on (.+), (\d+) m along$/, "车辆绕开 $1 上距起点 $2 米处"],
  [/^(.+) will slow down from (\d+) to (\d+) km\/h within half an hour$/, "$1 半小时内车速将由 $2 降至 $3 km/h"],
  [/^(.+): trucks will wait longer than (.+) min$/, "$1：货车等待将超过 $2 分钟"],
  [/^the water at (.+) comes to (.+), or will within (.+) h$/, "$1 处水位已达到或将在 $3 小时内达到 $2"],
  [/^(.+): one sees less than (.+) m, so (.+) km\/h$/, "$1：能见度低于 $2 米，限速 $3 km/h"],
  [/^(.+): berths are full: the next ship waits$/, "$1：泊位已满，下一艘船需等待"],
  [/^(.+): berths will be full within (.+) h at this pace$/, "$1：按此速度泊位将在 $2 小时内占满"],
  [/^(.+): a truck of (.+) t, which is more than (.+) t$/, "$1：货车重 $2 吨，超过 $3 吨"],
  [/^(.+): trucks wait, and none was weighed for (.+) min$/, "$1：有货车等待，且 $2 分钟内无一过磅"],
  [/^(.+): (\S+) above (.+)$/, "$1：$2 高于 $3"],
  [/^(.+): (\S+) below (.+)$/, "$1：$2 低于 $3"],
  [/^(.+): (\S+) rises faster than (.+)$/, "$1：$2 上升快于 $3"],
  [/^(.+): (\S+) falls faster than (.+)$/, "$1：$2 下降快于 $3"],
];
