// Which page: the entrance for whoever is not signed in, else the account's pages, each loaded when it is first opened.

import { lazy, Suspense } from "react";
import { Redirect, Route, Switch, useLocation } from "wouter";
import { useAccounts } from "./api/queries";
import { HereProvider, mayIn, useEntrance } from "./api/session";
import { Join } from "./pages/join";
import { SignIn } from "./pages/signin";
import { Caught } from "./parts/caught";
import { Empty, Failed, Page, Waiting } from "./parts/parts";
import { Shell } from "./parts/shell";

const Activity = lazy(() => import("./pages/activity"));
const Request = lazy(() => import("./pages/request"));
const Privacy = lazy(() => import("./pages/privacy"));
const Models = lazy(() => import("./pages/models"));
const Model = lazy(() => import("./pages/model"));
const Compare = lazy(() => import("./pages/compare"));
const Provider = lazy(() => import("./pages/provider"));
const Explain = lazy(() => import("./pages/explain"));
const Keys = lazy(() => import("./pages/keys"));
const Credentials = lazy(() => import("./pages/credentials"));
const Playground = lazy(() => import("./pages/playground"));
const Members = lazy(() => import("./pages/members"));
const Review = lazy(() => import("./pages/review"));
const AuditLog = lazy(() => import("./pages/audit"));
const Exposure = lazy(() => import("./pages/exposure"));
const Ranking = lazy(() => import("./pages/ranking"));
const PublicRanking = lazy(() => import("./pages/ranking").then((page) => ({ default: page.PublicRanking })));
const Stored = lazy(() => import("./pages/stored"));
const PublicPrivacy = lazy(() => import("./pages/stored").then((page) => ({ default: page.PublicPrivacy })));
const Logs = lazy(() => import("./pages/logs"));
const Requests = lazy(() => import("./pages/requests"));
const Thread = lazy(() => import("./pages/thread"));
const Me = lazy(() => import("./pages/me"));

/** Part of an address as text. An address that somebody typed may hold what is no encoding: that is shown as it is. */
function plain(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

if (plain(window.location.pathname) === window.location.pathname && window.location.pathname.includes("%")) window.history.replaceState(null, "", "/");

export function App() {
  const entrance = useEntrance();
  const [location] = useLocation();
  const Public = location === "/ranking" ? PublicRanking : location === "/privacy" ? PublicPrivacy : null;
  if (Public !== null)
    return (
      <Caught>
        <Suspense fallback={null}>
          <Public />
        </Suspense>
      </Caught>
    );
  if (entrance.error && entrance.data === undefined)
    return (
      <div className="entrance">
        <main>
          <Failed error={entrance.error} retry={() => void entrance.refetch()} />
        </main>
      </div>
    );
  if (entrance.data === undefined) return null;
  if (location === "/join") return <Join firstRun={entrance.data.first_run} />;
  if (entrance.data.signed_in === null) return <SignIn firstRun={entrance.data.first_run} service={entrance.data.sign_in_service ?? null} />;
  return (
    <Switch>
      <Route path="/a/:account/*?">{(at) => <Account account={plain(at.account)} />}</Route>
      <Route>
        <Home />
      </Route>
    </Switch>
  );
}

function Home() {
  const me = useEntrance().data?.signed_in;
  const accounts = useAccounts();
  const mine = Object.keys(me?.accounts ?? {});
  const first = mine[0] ?? accounts.data?.[0]?.id;
  if (first !== undefined) return <Redirect to={`/a/${encodeURIComponent(first)}/activity`} replace />;
  if (accounts.data === undefined) return null;
  return (
    <Page title="No account yet">
      <Empty icon="people" title="You belong to no account">
        Ask an owner of your organization to invite you, and open the link that they send.
      </Empty>
    </Page>
  );
}

function Account({ account }: { account: string }) {
  const entrance = useEntrance().data;
  const [location] = useLocation();
  const me = entrance?.signed_in;
  if (!me || !entrance) return null;
  if (!/^[\w.-]+$/.test(account) || (!me.operator && me.accounts[account] === undefined)) return <Redirect to="/" replace />;
  const base = `/a/${encodeURIComponent(account)}`;
  return (
    <HereProvider value={{ me, account, dataPlane: entrance.data_plane_url, may: mayIn(me, account) }}>
      <Shell>
        <Caught key={location}>
          <Suspense fallback={<div className="page"><Waiting /></div>}>
          <Switch>
            <Route path={`${base}/activity`} component={Activity} />
            <Route path={`${base}/activity/:decision`}>{(at) => <Request decision={at.decision} />}</Route>
            <Route path={`${base}/privacy`} component={Privacy} />
            <Route path={`${base}/models`} component={Models} />
            <Route path={`${base}/models/*`}>{(at) => <Model id={plain(at["*"])} />}</Route>
            <Route path={`${base}/compare`} component={Compare} />
            <Route path={`${base}/providers/:provider`}>{(at) => <Provider id={plain(at.provider)} />}</Route>
            <Route path={`${base}/explain`} component={Explain} />
            <Route path={`${base}/keys`} component={Keys} />
            <Route path={`${base}/credentials`} component={Credentials} />
            <Route path={`${base}/playground`} component={Playground} />
            <Route path={`${base}/members`} component={Members} />
            <Route path={`${base}/review`} component={Review} />
            <Route path={`${base}/exposure`} component={Exposure} />
            <Route path={`${base}/audit`} component={AuditLog} />
            <Route path={`${base}/ranking`} component={Ranking} />
            <Route path={`${base}/stored`} component={Stored} />
            <Route path={`${base}/logs`} component={Logs} />
            <Route path={`${base}/requests`} component={Requests} />
            <Route path={`${base}/requests/:request`}>{(at) => <Thread id={at.request} />}</Route>
            <Route path={`${base}/me`} component={Me} />
            <Route>
              <Redirect to={`${base}/activity`} replace />
            </Route>
          </Switch>
          </Suspense>
        </Caught>
      </Shell>
    </HereProvider>
  );
}
