//! Puts the parts together and serves them.

use crate::config::{Config, Serving};
use crate::lazy_wallet::LazyWallet;
use crate::tools::Tools;
use crate::transport::{self, Callers};

/// Serves until the process is told to stop. Nothing is called before the first request that needs it.
pub async fn serve(config: Config) -> Result<(), runtime::Error> {
    let serving = config.serving.clone();
    let tools = Tools::new(config.weather_url.clone(), LazyWallet::new(config));
    match serving {
        Serving::Lambda => {
            lambda_http::run(runtime::layers(transport::router(tools, Callers::Signed))).await
        }
        Serving::Http(address) => {
            runtime::serve(&address, transport::router(tools, Callers::ThisMachine)).await
        }
    }
}
